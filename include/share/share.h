/* SPDX-License-Identifier: MIT */
/* Whose turn it is: shares of one resource (a worker's time), by start-time fair queueing. Pure:
 * what something cost is an argument, nothing is allocated.
 *
 * A share that has work is in the queue at its virtual start. The least one is next. What it then
 * costs moves its start by cost / weight. A share that had nothing to do begins where the queue is:
 * it is served soon, but has saved nothing up for its idle time. */
#ifndef SHARE_SHARE_H
#define SHARE_SHARE_H

#include "base/heap.h"

#include <stdint.h>

#define SHARE_WEIGHT 100 /* unless told otherwise */

/* Most seconds that one charge counts: a piece that took longer was not running all the time (the
 * process was preempted, the machine slept), which is not the share's doing. */
#define SHARE_CHARGE_MAX 0.010

/* Embedded by its owner. */
struct share {
    struct heap_node node; /* the key is its virtual start */
    uint32_t weight;       /* at least 1; may change at any time, and counts from the next charge */
    double finish;         /* virtual: what it was charged until then */
    double charged;        /* seconds so far */
};

/* Zeroed: empty. */
struct share_queue {
    struct heap heap;
    double virtual; /* the start of the share that was last taken out */
};

void share_init(struct share *share, uint32_t weight);

/* It has work. Harmless when it is queued. */
void share_ready(struct share_queue *queue, struct share *share);

/* Takes the share out whose turn it is; NULL: none has work. */
struct share *share_next(struct share_queue *queue);

/* What the share that was taken out has cost. Before share_ready, should it have more to do. */
void share_charge(struct share *share, double seconds);

/* Takes it out before it is freed; harmless when it is not queued. */
void share_forget(struct share_queue *queue, struct share *share);

static inline bool share_is_queued(const struct share *share)
{
    return share->node.is_in;
}

/* Whether nobody waits. */
static inline bool share_queue_is_empty(const struct share_queue *queue)
{
    return !heap_first(&queue->heap);
}

#endif
