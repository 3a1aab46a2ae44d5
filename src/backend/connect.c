/* SPDX-License-Identifier: MIT */
/* A connection for an attempt: one that takes more exchanges, an idle one, or a new one; who can
 * have none yet waits. */
#include "balance/balance_internal.h"
#include "pool_internal.h"
#include "queue_internal.h"
#include "wait_internal.h"

static bool wants_http2(const struct backend_endpoint *endpoint)
{
    return endpoint->group->http2 && !endpoint_requires_http1(endpoint);
}

/* One that was opened after the last is fresh, also when another exchange opened it. */
static struct backend_connection *find(const struct backend_endpoint *endpoint, double after)
{
    struct backend_connection *connection = NULL;
    bool is_http2 = wants_http2(endpoint);
    if (is_http2)
        connection = pool_shared(endpoint, after);
    if (!connection && after == 0)
        connection = pool_idle(endpoint, is_http2);
    return connection;
}

bool backend_has_connection(struct backend_endpoint *endpoint,
                            const struct backend_attempts *attempts)
{
    double now = loop_now(endpoint->group->backends->loop);
    return find(endpoint, attempts->after) ||
           making_has_room(&endpoint->making, endpoint->references - queue_count(endpoint->queue),
                           wants_http2(endpoint), now);
}

static int connect_now(struct backend_endpoint *endpoint, struct exchange *exchange,
                       struct backend_attempts *attempts)
{
    struct backend_connection *connection = find(endpoint, attempts->after);
    attempts->reused = connection;
    attempts->opened = connection ? connection->opened : loop_now(exchange->loop);
    if (connection) {
        pool_take(connection);
        connection->protocol->assign(connection, exchange, attempts);
        return 0;
    }
    const struct backends *backends = endpoint->group->backends;
    const struct backend_protocol *protocol =
        wants_http2(endpoint) ? backends->http2 : backends->http1;
    return protocol->open(endpoint, exchange, attempts);
}

/* It may be done on the time of a control message: another try, one that has waited. */
int backend_connect_now(struct backend_endpoint *endpoint, struct exchange *exchange,
                        struct backend_attempts *attempts)
{
    struct loop *loop = endpoint->group->backends->loop;
    struct loop_share *before = loop_enter(loop, endpoint->group->owner->share);
    int error = connect_now(endpoint, exchange, attempts);
    loop_leave(loop, before);
    return error;
}

void backend_answered(struct backend_connection *connection, const struct exchange *exchange,
                      double asked)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    balance_succeeded(endpoint);
    making_remove(&endpoint->making, connection);
    /* How long a body takes is the client's matter. */
    if (exchange->request_body.passed == 0)
        making_answered(&endpoint->making, loop_now(exchange->loop) - asked);
    queue_wake(endpoint->queue);
}

int backend_connect(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts, double after)
{
    attempts->after = after;
    if (queue_is_empty(endpoint->queue) && backend_has_connection(endpoint, attempts))
        return backend_connect_now(endpoint, exchange, attempts);
    wait_begin(endpoint, exchange, attempts);
    return 0;
}
