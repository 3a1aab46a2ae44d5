/* SPDX-License-Identifier: MIT */
/* Connections to one server that are in the making: opened, and not yet answered on. Their number
 * is bounded, so that what comes at once waits for connections that are given back instead of
 * opening one each. Who keeps a connection for long (a tunnel, a long poll) stops to count soon.
 * Time is handed in, in seconds of a clock that never goes back. */
#ifndef BACKEND_MAKING_INTERNAL_H
#define BACKEND_MAKING_INTERNAL_H

#include "connection_internal.h"

/* Seconds for which a request waits before it may open one connection more; as often as this is
 * looked for what waits. */
#define MAKING_WAIT 0.005

/* Embedded by its owner, an endpoint. */
struct making {
    struct backend_connections connections; /* in the making, the oldest first */
    uint32_t count;
    double lacking_since; /* since when somebody waits for a connection; 0: nobody does */
    double usual;         /* seconds until an answer begins, averaged; 0: unknown */
    double calm;          /* the same of times at which nobody waits */
    double given_at;      /* when a connection was last given back */
};

void making_init(struct making *making);

/* The connection was opened now, as connection->opened says. */
void making_add(struct making *making, struct backend_connection *connection);

/* It has proved useful, or has ended; harmless when it is not in the making (any more). */
void making_remove(struct making *making, struct backend_connection *connection);

/* An answer began so many seconds after its request. */
void making_answered(struct making *making, double seconds);

/* A connection has room for another exchange. */
void making_given(struct making *making, double now);

/* Whether one more may be opened. connections: how many there are, those in the making too; each
 * takes one exchange at a time, or with is_shared many. */
bool making_has_room(struct making *making, uint32_t connections, bool is_shared, double now);

#endif
