/* SPDX-License-Identifier: MIT */
/* How connections are brought to their end without a request being lost. */
#include "connection_internal.h"

#include <math.h>

static double sooner(double a, double b)
{
    return a > 0 && a < b ? a : b;
}

void connection_retire(struct connection *connection, const struct retirement *how)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    if (isfinite(how->limit))
        limits->cut_due = sooner(limits->cut_due, now + how->limit);
    if (connection->retiring == CLOSE_NONE || how->patience < connection->patience)
        connection->patience = how->patience;
    if (connection->retiring == CLOSE_NONE)
        connection->retiring = how->reason;
    if (connection->protocol->retire)
        connection->protocol->retire(connection);
    if (connection->state != CONNECTION_CLOSED)
        limits_arm(limits, now);
}
