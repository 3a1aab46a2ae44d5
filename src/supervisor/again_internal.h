/* SPDX-License-Identifier: MIT */
/* Tenants that are refused since processes have died over them: tried again, ever more rarely. */
#ifndef SUPERVISOR_AGAIN_INTERNAL_H
#define SUPERVISOR_AGAIN_INTERNAL_H

#include "dependencies_internal.h"

#include "io/loop.h"

struct record;
struct supervisor;

/* Embedded by each record. */
struct again {
    double at;    /* loop_now(): then; 0: never */
    double pause; /* seconds before the last one; 0: none since it was last committed */
    struct dependencies dependencies; /* what it was made from: other files are for a reload */
};

void again_init(struct supervisor *supervisor);
void again_stop(struct supervisor *supervisor);

/* It is refused for a death: takes the dependencies over, and tries the same files later. */
void again_later(struct supervisor *supervisor, struct record *record,
                 struct dependencies *dependencies);

/* It was refused for something else, accepted, or is examined anyway. */
void again_forget(struct record *record);

#endif
