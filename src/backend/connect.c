/* SPDX-License-Identifier: MIT */
/* A connection for an attempt: one that takes more exchanges, an idle one, or a new one. */
#include "pool_internal.h"

int backend_connect(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts, double after)
{
    bool is_http2 = endpoint->group->http2 && !endpoint_requires_http1(endpoint);
    struct backend_connection *connection = NULL;
    /* One that was opened after the last is fresh, also when another exchange opened it. */
    if (is_http2)
        connection = pool_shared(endpoint, after);
    if (!connection && after == 0)
        connection = pool_take(endpoint, is_http2);
    attempts->reused = connection;
    attempts->opened = connection ? connection->opened : loop_now(exchange->loop);
    if (connection) {
        connection->protocol->assign(connection, exchange, attempts);
        return 0;
    }
    const struct backends *backends = endpoint->group->backends;
    const struct backend_protocol *protocol = is_http2 ? backends->http2 : backends->http1;
    return protocol->open(endpoint, exchange, attempts);
}
