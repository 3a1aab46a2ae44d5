/* SPDX-License-Identifier: MIT */
/* Exchanges that wait for a connection to one server, in the order in which they came. Each gets
 * the next one that is given back, or opens one when few enough are in the making. */
#ifndef BACKEND_QUEUE_INTERNAL_H
#define BACKEND_QUEUE_INTERNAL_H

#include "group_internal.h"

void queue_init(struct backend_endpoint *endpoint);
/* Nobody waits any more, and the endpoint goes. */
void queue_stop(struct backend_endpoint *endpoint);

/* Attaches the exchange as one that waits; attempts->after says for what. */
void queue_join(struct backend_endpoint *endpoint, struct exchange *exchange,
                struct backend_attempts *attempts);

/* There may be a connection for who waits, or the endpoint takes nobody any more, and others are
 * asked: that is seen to at the turn's end. */
void queue_wake(struct backend_endpoint *endpoint);

static inline bool queue_is_empty(const struct backend_endpoint *endpoint)
{
    return TAILQ_EMPTY(&endpoint->queue.waiting);
}

#endif
