/* SPDX-License-Identifier: MIT */
/* What dead workers had of their tenants' limits is given back, tenant by tenant and a few
 * milliseconds at a time: ten thousand tenants with many keys in use take more than a second. */
#ifndef RELOAD_SWEEP_H
#define RELOAD_SWEEP_H

#include "reload/record.h"

#include "io/pending.h"

/* Embedded by its owner. */
struct sweep {
    struct loop *loop;
    struct registry *registry;
    struct loop_task step;
    struct hold hold; /* an upgrade waits for its end */
};

void sweep_init(struct sweep *sweep, struct loop *loop, struct registry *registry);
/* What is left stays so. */
void sweep_free(struct sweep *sweep);

/* The worker of that column of the tally is dead. */
void sweep_begin(struct sweep *sweep, uint32_t column);

/* The same for one tenant, at once: before another worker of that column is told of it. */
void sweep_record(struct record *record);

#endif
