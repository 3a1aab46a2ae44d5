/* SPDX-License-Identifier: MIT */
/* Attempts that wait for a connection to one server, or for a server of a group, in the order in
 * which they came. Who looks after them is called at the end of a turn in which something has
 * changed for them, and every few milliseconds. */
#ifndef BACKEND_QUEUE_INTERNAL_H
#define BACKEND_QUEUE_INTERNAL_H

#include "group_internal.h"

/* Of the share at work. */
struct backend_queue *queue_new(void *owner, struct loop *loop,
                                void (*serve)(struct backend_queue *queue));
/* It must be empty; NULL is ignored. */
void queue_free(struct backend_queue *queue);

/* Puts an attempt at its end, and takes it out of where it is, adding to its queue_seconds. */
void queue_put(struct backend_queue *queue, struct backend_attempts *attempts);
void queue_remove(struct backend_attempts *attempts);

/* There may be what they wait for, or nothing to wait for any more. NULL is ignored. */
void queue_wake(struct backend_queue *queue);

static inline bool queue_is_empty(const struct backend_queue *queue)
{
    return !queue || TAILQ_EMPTY(&queue->waiting);
}

static inline uint32_t queue_count(const struct backend_queue *queue)
{
    return queue ? queue->count : 0;
}

#endif
