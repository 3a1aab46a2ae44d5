/* SPDX-License-Identifier: MIT */
/* An HTTP/2 connection to a server: what it does at the end of its turns, and when its time is up.
 */
#include "h2/h2_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "pool_internal.h"

#include <stdlib.h>

static void on_grave(struct loop_task *task)
{
    struct back_h2 *connection = CONTAINER_OF(task, struct back_h2, grave);
    back_h2_calls_free(&connection->waiting);
    back_h2_calls_free(&connection->fresh);
    back_h2_calls_free(&connection->begun);
    free(connection);
}

/* ---- the turn's end ---- */

/* Nothing is left to carry: it rests in the pool, or ends. */
static void rest(struct back_h2 *connection)
{
    pool_unshare(&connection->base);
    if (connection->state != BACK_H2_SERVING || h2_requests_left(connection->session) == 0 ||
        !pool_put(&connection->base)) {
        back_h2_end(connection, connection->state == BACK_H2_DRAINING ? BACKEND_CLOSE_DRAINED
                                                                      : BACKEND_CLOSE_NOT_KEPT);
        return;
    }
    back_h2_set_state(connection, BACK_H2_IDLE);
    deadline_set(&connection->deadline, POOL_IDLE_SECONDS);
}

static void end_of_session(struct back_h2 *connection)
{
    const char *reason = h2_reason(connection->session);
    if (*reason != '\0')
        log_info("backend %s: HTTP/2: %s", connection->base.endpoint->text, reason);
    back_h2_fail(connection, *reason != '\0' ? ERROR_RESPONSE : ERROR_BACKEND_CLOSED);
}

static void on_turn(struct loop_task *task)
{
    struct back_h2 *connection = CONTAINER_OF(task, struct back_h2, turn);
    if (connection->failing != ERROR_NONE) {
        back_h2_fail_some(connection);
        return;
    }
    if (connection->in.len > 0)
        back_h2_understand(connection);
    if (connection->state == BACK_H2_SERVING)
        back_h2_start_waiting(connection);
    else if (connection->state == BACK_H2_DRAINING)
        back_h2_refuse_waiting(connection);
    if (connection->session)
        back_h2_write(connection);
    if (connection->session && h2_is_done(connection->session))
        end_of_session(connection);
    else if (connection->attached > 0)
        back_h2_share(connection);
    else if (connection->state != BACK_H2_IDLE)
        rest(connection);
}

/* The server was asked for a sign of life. */
static void judge(struct back_h2 *connection)
{
    double due = connection->probed + connection->patience;
    if (stream_heard(connection->wire) + DEADLINE_SLACK >= due)
        back_h2_fail(connection, ERROR_READ_TIMEOUT);
    else
        deadline_set(&connection->deadline, STREAM_HELD_LOOK);
}

static void on_expired(struct deadline *deadline)
{
    struct back_h2 *connection = CONTAINER_OF(deadline, struct back_h2, deadline);
    if (connection->state == BACK_H2_IDLE)
        back_h2_end(connection, BACKEND_CLOSE_KEEPALIVE_TIMEOUT);
    else if (connection->state == BACK_H2_PROBING)
        judge(connection);
}

struct back_h2 *back_h2_new(struct backend_endpoint *endpoint, struct loop *loop)
{
    struct back_h2 *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = endpoint->group->backends->http2;
    connection->base.endpoint = endpoint;
    connection->base.opened = loop_now(loop);
    endpoint_connection_made(endpoint);
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
