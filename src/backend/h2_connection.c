/* SPDX-License-Identifier: MIT */
/* The life of an HTTP/2 connection to a server: its phases, its turns, its end. */
#include "h2_internal.h"

#include "balance_internal.h"
#include "base/log.h"
#include "base/memory.h"
#include "pool_internal.h"
#include "stock_internal.h"

#include <assert.h>
#include <stdlib.h>

static const char *const phase_names[] = {"connecting", "greeting", "serving", "probing",
                                          "leaving",    "resting",  "gone"};

void h2_connection_set_phase(struct h2_connection *connection, enum h2_phase phase)
{
    static const uint8_t legal[] = {
        [H2_CONNECTING] = 1 << H2_GREETING | 1 << H2_GONE,
        [H2_GREETING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_SERVING] = 1 << H2_PROBING | 1 << H2_LEAVING | 1 << H2_RESTING | 1 << H2_GONE,
        [H2_PROBING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_LEAVING] = 1 << H2_GONE,
        [H2_RESTING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_GONE] = 0,
    };
    (void)legal; /* without assertions */
    assert(legal[connection->phase] >> phase & 1);
    log_debug("backend %s: %s -> %s", connection->base.endpoint->text,
              phase_names[connection->phase], phase_names[phase]);
    connection->phase = phase;
}

static void on_grave(struct loop_task *task)
{
    struct h2_connection *connection =
        (struct h2_connection *)((char *)task - offsetof(struct h2_connection, grave));
    h2_calls_free(&connection->waiting);
    h2_calls_free(&connection->fresh);
    h2_calls_free(&connection->begun);
    free(connection);
}

void h2_connection_wake(struct h2_connection *connection)
{
    if (connection->phase != H2_GONE)
        loop_defer(connection->loop, &connection->turn);
}

void h2_connection_close(struct h2_connection *connection)
{
    if (connection->phase == H2_GONE)
        return;
    assert(connection->attached == 0);
    pool_remove(&connection->base);
    deadline_stop(&connection->deadline);
    loop_cancel(connection->loop, &connection->turn);
    link_close(connection->link);
    connection->link = NULL;
    stock_close_stream(&connection->base, connection->wire, true);
    stock_part(&connection->base);
    connection->wire = NULL;
    h2_session_free(connection->session);
    connection->session = NULL;
    chain_clear(&connection->in);
    chain_clear(&connection->out);
    h2_connection_set_phase(connection, H2_GONE);
    endpoint_unref(connection->base.endpoint);
    connection->base.endpoint = NULL;
    loop_bury(connection->loop, &connection->grave);
}

void h2_connection_end(struct h2_connection *connection)
{
    if (connection->session != NULL) {
        h2_shutdown(connection->session);
        h2_connection_write(connection);
    }
    h2_connection_close(connection);
}

static bool is_end(enum error error)
{
    return error == ERROR_BACKEND_CLOSED || error == ERROR_BACKEND_RESET;
}

/* What the connection's end is to one of its exchanges. */
static enum error error_of(const struct h2_call *call, enum error error)
{
    if (call->sending == H2_WAITS && call->connection->session != NULL &&
        call->connection->phase != H2_GREETING)
        return ERROR_RETIRED;
    if (is_end(error) && call->hearing == H2_HEAD_DUE && call->interim_count == 0 &&
        call->attempts->reused)
        return ERROR_RETIRED;
    return error == ERROR_BACKEND_CLOSED && call->hearing == H2_BODY_DUE ? ERROR_BACKEND_TRUNCATED
                                                                         : error;
}

static bool has_failure(const struct h2_calls *calls, enum error error)
{
    const struct h2_call *call;
    TAILQ_FOREACH (call, calls, next)
        if (call->exchange != NULL && call->hearing == H2_HEAD_DUE &&
            error_of(call, error) != ERROR_RETIRED)
            return true;
    return false;
}

/* Whether max_fails counts its end: once, however many exchanges it takes along. As over HTTP/1.1,
 * neither the end of a kept connection does, nor one after the response has begun. */
static void blame(struct h2_connection *connection, enum error error)
{
    bool is_failure = has_failure(&connection->waiting, error) ||
                      has_failure(&connection->fresh, error) ||
                      has_failure(&connection->begun, error);
    if (is_failure && connection->phase != H2_LEAVING && error != ERROR_SHORTAGE)
        balance_failed(connection->base.endpoint, loop_now(connection->loop));
    connection->is_blamed = true;
}

void h2_connection_fail(struct h2_connection *connection, enum error error)
{
    struct h2_calls *const lists[] = {&connection->waiting, &connection->fresh, &connection->begun};
    if (connection->phase == H2_GONE)
        return;
    const char *reason = connection->session != NULL ? h2_reason(connection->session) : "";
    if (connection->speaks_http1)
        reason = "the server speaks HTTP/1 (see proxy_http_version)";
    blame(connection, error);
    /* Retries must not come back. */
    pool_remove(&connection->base);
    for (unsigned i = 0; i < 3;) {
        struct h2_call *call = TAILQ_FIRST(lists[i]);
        while (call != NULL && call->exchange == NULL)
            call = TAILQ_NEXT(call, next);
        if (call == NULL) {
            i++;
            continue;
        }
        if (*reason != '\0')
            call->exchange->reason = slice_of(reason);
        /* A client that vanishes while others are told may take several along. */
        h2_call_fail(call, error_of(call, error), h2_call_is_untouched(call));
    }
    h2_connection_close(connection);
}

void h2_connection_leave(struct h2_connection *connection)
{
    if (connection->phase == H2_LEAVING || connection->phase == H2_GONE)
        return;
    pool_remove(&connection->base);
    deadline_clear(&connection->deadline);
    h2_connection_set_phase(connection, H2_LEAVING);
    h2_connection_wake(connection);
}

void h2_connection_probe(struct h2_connection *connection)
{
    h2_connection_set_phase(connection, H2_PROBING);
    h2_ping(connection->session);
    deadline_set(&connection->deadline, connection->patience);
    h2_connection_wake(connection);
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

struct h2_connection *h2_connection_new(struct backend_endpoint *endpoint, struct loop *loop)
{
    struct h2_connection *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = &h2_protocol;
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
    deadline_init(&connection->deadline, loop, h2_connection_on_expired);
    return connection;
}
