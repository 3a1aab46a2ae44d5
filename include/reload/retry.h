/* SPDX-License-Identifier: MIT */
/* Tenants that may do better without a change of their files: those that are refused since
 * processes have died over them, those whose host names have no address. Tried again, ever more
 * rarely. */
#ifndef RELOAD_RETRY_H
#define RELOAD_RETRY_H

#include "files/dependencies.h"

#include "io/deadline.h"

struct record;
struct registry;

enum retry_reason { RETRY_DEATH, RETRY_NAMES };

/* Embedded by each record. */
struct retry {
    enum retry_reason reason;
    double at;    /* loop_now(): then; 0: never */
    double pause; /* seconds before the last one; 0: none since it was last committed */
    struct dependencies dependencies; /* what it was made from: only that is tried, other files are
                                       * for a reload; empty: those of the plan in force */
};

struct retry_events {
    /* Whether this is a time for it. */
    bool (*may_try)(void *owner);
    /* It is time: its files look the same as before. */
    void (*try)(void *owner, struct record *record);
};

/* Embedded by its owner. */
struct retries {
    struct registry *registry;
    struct loop *loop;
    const struct retry_events *events;
    void *owner;
    struct deadline tick;
    bool is_off; /* nothing is tried again */
};

void retries_init(struct retries *retries, struct registry *registry, struct loop *loop,
                  const struct retry_events *events, void *owner);
/* For good. */
void retries_stop(struct retries *retries);

/* Takes the dependencies over, and tries the same files later. NULL: those in force. */
void retry_later(struct retries *retries, struct record *record, enum retry_reason reason,
                 struct dependencies *dependencies);

/* For another binary, of what is tried or will be. retries_resume sets the time. */
void retry_put(struct wire_writer *writer, const struct record *record);
void retry_get(struct wire_reader *reader, struct retry *retry);

/* Behind an upgrade: each that has a time gets a new one. */
void retries_resume(struct retries *retries);

/* Names: they have addresses now, so that the next pause is the first one again. */
void retry_end(struct record *record);

/* It was refused for something else, accepted, or is examined anyway. */
void retry_forget(struct record *record);

#endif
