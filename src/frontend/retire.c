/* SPDX-License-Identifier: MIT */
/* How connections are brought to their end without a request being lost: what each may still do. */
#include "connection_internal.h"

#include <math.h>

bool connection_must_end(const struct connection *connection)
{
    return connection->is_last || !connection->listener->current;
}

bool connection_takes_requests(const struct connection *connection)
{
    return connection->listener->current && !connection->is_stale;
}

bool connection_must_leave(const struct connection *connection)
{
    return connection_must_end(connection) && connection->patience <= 0;
}

double connection_idle_time(const struct connection *connection, double seconds)
{
    bool is_patient = !connection->is_last || seconds < connection->patience;

    return is_patient ? seconds : connection->patience;
}

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
    if (!connection->is_last || how->patience < connection->patience)
        connection->patience = how->patience;
    connection->is_last = true;
    if (connection->protocol)
        connection->protocol->retire(connection);
    else if (connection->patience <= 0)
        connection_close(connection, CLOSE_ORDERLY, ERROR_NONE);
    if (connection->state != CONNECTION_CLOSED)
        limits_arm(limits, now);
}
