/* SPDX-License-Identifier: MIT */
/* An HTTP/2 connection to a server: what it does at the end of its turns, and when its time is up.
 */
#include "h2_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "pool_internal.h"

#include <stdlib.h>

static void on_grave(struct loop_task *task)
{
    struct h2_connection *connection =
        (struct h2_connection *)((char *)task - offsetof(struct h2_connection, grave));
    h2_calls_free(&connection->waiting);
    h2_calls_free(&connection->fresh);
    h2_calls_free(&connection->begun);
    free(connection);
}

/* ---- the turn's end ---- */

/* Nothing is left to carry: it rests in the pool, or ends. */
static void rest(struct h2_connection *connection)
{
    pool_unshare(&connection->base);
    if (connection->phase != H2_SERVING || h2_requests_left(connection->session) == 0 ||
        !pool_put(&connection->base)) {
        h2_connection_end(connection);
        return;
    }
    h2_connection_set_phase(connection, H2_RESTING);
    deadline_set(&connection->deadline, POOL_IDLE_SECONDS);
}

static void end_of_session(struct h2_connection *connection)
{
    const char *reason = h2_reason(connection->session);
    if (*reason != '\0')
        log_info("backend %s: HTTP/2: %s", connection->base.endpoint->text, reason);
    h2_connection_fail(connection, *reason != '\0' ? ERROR_RESPONSE : ERROR_BACKEND_CLOSED);
}

static void on_turn(struct loop_task *task)
{
    struct h2_connection *connection =
        (struct h2_connection *)((char *)task - offsetof(struct h2_connection, turn));
    if (connection->phase == H2_SERVING)
        h2_connection_start_waiting(connection);
    else if (connection->phase == H2_LEAVING)
        h2_connection_refuse_waiting(connection);
    if (connection->session != NULL)
        h2_connection_write(connection);
    if (connection->session != NULL && h2_is_done(connection->session))
        end_of_session(connection);
    else if (connection->attached > 0)
        h2_connection_share(connection);
    else if (connection->phase != H2_RESTING)
        rest(connection);
}

static void on_expired(struct deadline *deadline)
{
    struct h2_connection *connection =
        (struct h2_connection *)((char *)deadline - offsetof(struct h2_connection, deadline));
    if (connection->phase == H2_RESTING)
        h2_connection_end(connection);
    else if (connection->phase == H2_PROBING)
        h2_connection_fail(connection, ERROR_READ_TIMEOUT);
}

struct h2_connection *h2_connection_new(struct backend_endpoint *endpoint, struct loop *loop)
{
    struct h2_connection *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = endpoint->group->backends->http2;
    connection->base.endpoint = endpoint;
    connection->base.opened = loop_now(loop);
    endpoint_ref(endpoint);
    connection->loop = loop;
    connection->turn.run = on_turn;
    connection->grave.run = on_grave;
    TAILQ_INIT(&connection->waiting);
    TAILQ_INIT(&connection->fresh);
    TAILQ_INIT(&connection->begun);
    chain_init(&connection->in, &loop->buffers);
    chain_init(&connection->out, &loop->buffers);
    deadline_init(&connection->deadline, loop, on_expired);
    return connection;
}
