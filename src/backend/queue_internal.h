/* SPDX-License-Identifier: MIT */
/* The attempts that wait for a connection to one server, in the order in which they came. Who looks
 * after them (backends->serve) is called at the end of a turn in which something has changed for
 * them, and every few milliseconds. */
#ifndef BACKEND_QUEUE_INTERNAL_H
#define BACKEND_QUEUE_INTERNAL_H

#include "group_internal.h"

void queue_init(struct backend_endpoint *endpoint);
/* It must be empty. */
void queue_stop(struct backend_endpoint *endpoint);

/* Puts an attempt at its end, and takes it out, adding to its queue_seconds. */
void queue_put(struct backend_endpoint *endpoint, struct backend_attempts *attempts);
void queue_remove(struct backend_endpoint *endpoint, struct backend_attempts *attempts);

/* There may be a connection for who waits, or the endpoint takes nobody any more. */
void queue_wake(struct backend_endpoint *endpoint);

static inline bool queue_is_empty(const struct backend_endpoint *endpoint)
{
    return TAILQ_EMPTY(&endpoint->queue.waiting);
}

#endif
