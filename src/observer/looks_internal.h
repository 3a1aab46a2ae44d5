/* SPDX-License-Identifier: MIT */
/* What is measured, as the observer reads it: every few seconds for what it remembers, and when
 * somebody asks. */
#ifndef OBSERVER_LOOKS_INTERNAL_H
#define OBSERVER_LOOKS_INTERNAL_H

#include "history/history.h"

#include "io/deadline.h"

#define LOOKS_AGE 1.0 /* seconds for which one look at all tenants serves all who ask */

/* A look that several answers share. */
struct look {
    unsigned references;
    double taken; /* loop_now() */
    struct metrics_snapshot *snapshot;
};

/* Embedded by its owner. */
struct looks {
    struct loop *loop;
    struct metrics_reader *reader;
    struct history history;
    struct look *last;    /* at all tenants; NULL: none yet */
    double failed;        /* loop_now() when one could not be had: no other is waited for then */
    struct deadline next; /* when it is looked again */
    struct {
        char *memory;
        size_t size;
    } files[METRICS_SOURCES];
};

void looks_init(struct looks *looks, struct loop *loop);
void looks_free(struct looks *looks);

/* From now on that file is read, of whatever version; fd stays the caller's. -1: there is none.
 * Returns 0, or -1 when it is no such file. With the board the looks begin. */
int looks_set(struct looks *looks, uint32_t source, int fd);

/* tenant: only that one; empty: all, as they were last where they cannot be had now. NULL when
 * there is none, or everything is changing all the time. One reference is the caller's. */
struct look *looks_at(struct looks *looks, struct slice tenant);
/* NULL is ignored. */
void look_unref(struct look *look);

#endif
