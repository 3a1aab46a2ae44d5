/* SPDX-License-Identifier: MIT */
/* The states of an HTTP/1.1 connection to a server, and how it leaves its exchange: to the pool, or
 * for good. */
#include "h1/h1_internal.h"

#include "balance/balance_internal.h"
#include "base/log.h"
#include "limit_internal.h"
#include "netns_internal.h"
#include "pool_internal.h"

#include <assert.h>

static const char *const state_names[] = {"connecting", "active", "tunnel", "idle", "closed"};

void back_h1_set_state(struct back_h1 *connection, enum back_h1_state state)
{
    static const uint8_t legal[] = {
        [BACK_H1_CONNECTING] = 1 << BACK_H1_ACTIVE | 1 << BACK_H1_CLOSED,
        [BACK_H1_ACTIVE] = 1 << BACK_H1_TUNNEL | 1 << BACK_H1_IDLE | 1 << BACK_H1_CLOSED,
        [BACK_H1_TUNNEL] = 1 << BACK_H1_CLOSED,
        [BACK_H1_IDLE] = 1 << BACK_H1_ACTIVE | 1 << BACK_H1_CLOSED,
        [BACK_H1_CLOSED] = 0,
    };
    (void)legal; /* without assertions */
    assert(legal[connection->state] >> state & 1);
    log_debug("backend %s: %s -> %s", connection->base.endpoint->text,
              state_names[connection->state], state_names[state]);
    connection->state = state;
}

void back_h1_close(struct back_h1 *connection, int reason)
{
    if (connection->state == BACK_H1_CLOSED)
        return;
    assert(!connection->exchange);
    pool_remove(&connection->base);
    deadline_stop(&connection->deadline);
    loop_cancel(connection->loop, &connection->start);
    link_close(connection->link);
    connection->link = NULL;
    /* What a tunnel's client said before it left is still due; a request cut short is not. */
    backend_netns_close_stream(&connection->base, connection->stream,
                               connection->state == BACK_H1_TUNNEL);
    backend_netns_part(&connection->base);
    connection->stream = NULL;
    chain_clear(&connection->in);
    chain_clear(&connection->wire);
    log_debug("backend %s: closed: %s", connection->base.endpoint->text,
              backend_close_token(reason));
    back_h1_set_state(connection, BACK_H1_CLOSED);
    endpoint_connection_ended(connection->base.endpoint);
    connection->base.endpoint = NULL;
    loop_bury(connection->loop, &connection->grave);
}

/* ---- leaving the exchange ---- */

static void leave(struct back_h1 *connection)
{
    const struct stream *stream = connection->stream;
    if (stream)
        exchange_end_attempt(connection->exchange, stream_bytes_out(stream) - connection->out_start,
                             stream_bytes_in(stream) - connection->in_start);
    connection->exchange = NULL;
    limit_give(connection->base.endpoint, connection->attempts);
    endpoint_leave(connection->base.endpoint);
}

void back_h1_abort(struct back_h1 *connection)
{
    leave(connection);
    back_h1_close(connection, BACKEND_CLOSE_ABORTED);
}

static bool has_answered(const struct back_h1 *connection)
{
    return connection->stream && stream_bytes_in(connection->stream) != connection->in_start;
}

/* A kept connection may die of its server's idle timeout just when it is asked again. */
static bool is_retired(const struct back_h1 *connection, enum error error)
{
    bool is_end = error == ERROR_BACKEND_CLOSED || error == ERROR_BACKEND_RESET;
    return is_end && connection->is_reused && !has_answered(connection);
}

/* Whether max_fails counts it: what the client did is not the server's fault, and a response that
 * had begun shows a living server. */
static bool is_failure(const struct back_h1 *connection, enum error error)
{
    return connection->receiving == RECEIVING_HEAD && error != ERROR_CLIENT_GONE &&
           error != ERROR_LENGTH && error != ERROR_RETIRED && error != ERROR_SHORTAGE;
}

/* Whether what came in place of a response begins as RFC 9113 section 3.4 has a server begin: with
 * a SETTINGS frame. */
static bool speaks_http2(const struct back_h1 *connection)
{
    unsigned char frame[9];
    if (connection->receiving != RECEIVING_HEAD || connection->in.len < sizeof(frame))
        return false;
    chain_peek(&connection->in, 0, frame, sizeof(frame));
    return frame[0] == 0 && frame[1] == 0 && frame[2] % 6 == 0 && frame[3] == 4 && frame[4] == 0 &&
           (frame[5] | frame[6] | frame[7] | frame[8]) == 0;
}

void back_h1_fail(struct back_h1 *connection, enum error error)
{
    struct exchange *exchange = connection->exchange;
    bool untouched =
        !connection->stream || stream_bytes_out(connection->stream) == connection->out_start;
    if (is_retired(connection, error))
        error = ERROR_RETIRED;
    if (speaks_http2(connection))
        exchange->reason = SLICE("the server speaks HTTP/2 (see proxy_http_version)");
    if (is_failure(connection, error))
        balance_failed(connection->base.endpoint, loop_now(connection->loop));
    leave(connection);
    back_h1_close(connection, error);
    exchange_fail_back(exchange, error, untouched);
}

static bool is_keepable(const struct back_h1 *connection)
{
    return connection->state == BACK_H1_ACTIVE && connection->facts.keep_alive &&
           connection->facts.framing != H1_UNTIL_CLOSE && connection->sending == SENDING_DONE &&
           stream_queued(connection->stream) == 0 && connection->in.len == 0;
}

void back_h1_finish(struct back_h1 *connection)
{
    bool keeps = is_keepable(connection);
    leave(connection);
    if (!keeps || !pool_put(&connection->base)) {
        back_h1_close(connection, connection->state == BACK_H1_TUNNEL ? BACKEND_CLOSE_TUNNEL_END
                                                                      : BACKEND_CLOSE_NOT_KEPT);
        return;
    }
    back_h1_set_state(connection, BACK_H1_IDLE);
    if (connection->is_paused)
        stream_resume(connection->stream);
    deadline_set(&connection->deadline, POOL_IDLE_SECONDS);
}

void back_h1_finish_tunnel(struct back_h1 *connection)
{
    if (connection->state != BACK_H1_TUNNEL || connection->sending != SENDING_DONE ||
        connection->receiving != RECEIVING_DONE || stream_queued(connection->stream) > 0)
        return;
    exchange_detach(connection->exchange);
    back_h1_finish(connection);
}
