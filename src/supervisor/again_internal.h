/* SPDX-License-Identifier: MIT */
/* Tenants that may do better without a change of their files: those that are refused since
 * processes have died over them, those whose host names have no address. Tried again, ever more
 * rarely. */
#ifndef SUPERVISOR_AGAIN_INTERNAL_H
#define SUPERVISOR_AGAIN_INTERNAL_H

#include "files/dependencies.h"

#include "io/loop.h"

struct record;
struct supervisor;

enum again_reason { AGAIN_DEATH, AGAIN_NAMES };

/* Embedded by each record. */
struct again {
    enum again_reason reason;
    double at;    /* loop_now(): then; 0: never */
    double pause; /* seconds before the last one; 0: none since it was last committed */
    struct dependencies dependencies; /* what it was made from: only that is tried, other files are
                                       * for a reload; empty: those of the plan in force */
};

void again_init(struct supervisor *supervisor);
void again_stop(struct supervisor *supervisor);

/* Takes the dependencies over, and tries the same files later. NULL: those in force. */
void again_later(struct supervisor *supervisor, struct record *record, enum again_reason reason,
                 struct dependencies *dependencies);

/* For the next binary: of what is tried by now, that it is to be tried. */
void again_put(struct wire_writer *writer, const struct record *record);
/* The reader tells whether it has failed. When it is tried is set by again_resume. */
void again_get(struct wire_reader *reader, struct again *again);

/* Behind an upgrade: each that has a time gets a new one. */
void again_resume(struct supervisor *supervisor);

/* Names: they have addresses now, so that the next pause is the first one again. */
void again_end(struct record *record);

/* It was refused for something else, accepted, or is examined anyway. */
void again_forget(struct record *record);

#endif
