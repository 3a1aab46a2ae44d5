/* SPDX-License-Identifier: MIT */
/* How connections are brought to their end without a request being lost. */
#include "connection_internal.h"
#include "registry_internal.h"

#include <math.h>

static double sooner(double a, double b)
{
    return a > 0 && a < b ? a : b;
}

void connection_retire(struct connection *connection, const struct retirement *how)
{
    struct limits *limits = &connection->limits;
    struct loop *loop = connection_loop(connection);
    struct loop_share *before;
    double now = loop_now(loop);

    if (isfinite(how->limit))
        limits->cut_due = sooner(limits->cut_due, now + how->limit);
    if (connection->retiring == CLOSE_NONE || how->patience < connection->patience)
        connection->patience = how->patience;
    counting_retiring(connection, how->reason);
    /* A tenant may have thousands of them: each has a turn in the tenant's share. */
    connection->must_retire = true;
    before = loop_enter(loop, connection->listener->tenant->share);
    connection_defer(connection);
    loop_leave(loop, before);
}

void connection_retire_now(struct connection *connection)
{
    connection->must_retire = false;
    if (connection->protocol->retire)
        connection->protocol->retire(connection);
    if (connection->state != CONNECTION_CLOSED)
        limits_arm(&connection->limits, connection_now(connection));
}
