/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: how exchanges and connections end.
 *
 * The client's end (FIN, or close_notify under TLS) says that it has nothing more to send, not
 * whether it still listens (RFC 9112 section 9.6); both look the same. What we then send tells: the
 * host of a client that is gone answers it with RST. So
 *  - in the middle of a request: the client is gone;
 *  - after a complete request, before its response: the client is served. When the response does
 *    not start at once, an HTTP/1.1 client is asked by a `100 Continue`, which every client must
 *    take at any time (RFC 9110 section 15.2), and RST is looked for;
 *  - while the response is sent: nothing can be asked in the middle of it, and a backend may pause
 *    for a client that listens. The next bytes ask: RST is looked for until they are there, for
 *    which the backend has proxy_read_timeout.
 * FIN without close_notify under TLS, and RST, are the end at once. In a tunnel each direction ends
 * by itself. */
#include "h1/h1_internal.h"

#include <netinet/tcp.h>

static void close_exchange(struct connection *connection)
{
    struct exchange *exchange = connection->h1.exchange;

    connection->limits.peer_due = 0;
    limits_body_stop(&connection->limits);
    connection->h1.exchange = NULL;
    exchange_close(exchange);
}

/* The exchange has come as far as it can. */
static void linger(struct connection *connection, enum close_reason reason)
{
    connection->client.closed = reason;
    close_exchange(connection);
    connection_linger(connection, reason);
}

/* ---- the turn's end ---- */

static void start_tunnel_clock(struct connection *connection)
{
    connection->limits.peer_mark = stream_bytes_in(connection->stream);
    connection_set_timeout(connection, front_h1_settings(connection)->proxy_read_timeout);
}

/* The backend has ended its side. It leaves as soon as it has all that the client sends, or cannot
 * take it. */
static void finish_tunnel(struct connection *connection)
{
    if (!connection->h1.exchange->back)
        linger(connection, CLOSE_TUNNEL_END);
    else if (connection->limits.phase_due <= 0)
        start_tunnel_clock(connection);
}

static void finish_answered(struct connection *connection)
{
    enum close_reason last = connection->h1.last;

    if (last == CLOSE_NONE && front_h1_can_discard(connection)) {
        if (connection->limits.phase_due <= 0)
            connection_set_timeout(connection, LIMIT_LINGER);
        exchange_discard_request(connection->h1.exchange);
        return;
    }
    linger(connection, last != CLOSE_NONE ? last : CLOSE_REQUEST_UNREAD);
}

/* Why no request can follow one that is complete; CLOSE_NONE: one can. */
static enum close_reason why_none_follows(const struct connection *connection)
{
    if (connection->h1.last != CLOSE_NONE)
        return connection->h1.last;
    if (connection->patience <= 0 && connection_must_end(connection) != CLOSE_NONE)
        return connection_must_end(connection);
    return connection->peer_ended && connection->in.len == 0 ? CLOSE_CLIENT_CLOSED : CLOSE_NONE;
}

static bool finish_complete(struct connection *connection)
{
    double keepalive = front_h1_settings(connection)->keepalive_timeout;
    enum close_reason reason = why_none_follows(connection);

    if (reason != CLOSE_NONE) {
        linger(connection, reason);
        return false;
    }
    close_exchange(connection);
    connection->h1.is_pipelined = connection->in.len > 0;
    connection->h1.head = (struct h1_head_reader){0};
    front_h1_set_state(connection, FRONT_H1_IDLE);
    connection_set_timeout(connection, connection_idle_time(connection, keepalive));
    return true;
}

bool front_h1_finish(struct connection *connection)
{
    switch (connection->h1.state) {
    case FRONT_H1_ANSWERED:
        finish_answered(connection);
        return false;
    case FRONT_H1_COMPLETE:
        return finish_complete(connection);
    case FRONT_H1_TUNNEL_UP:
    case FRONT_H1_TUNNEL_ENDED:
        finish_tunnel(connection);
        return false;
    default:
        return false;
    }
}

/* ---- clocks ---- */

/* What the backend does not take is judged by the backend's own clocks. */
static void check_tunnel(struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;
    bool is_silent = connection->h1.state == FRONT_H1_TUNNEL_UP &&
                     exchange_pipe_has_room(&exchange->request_body) &&
                     stream_bytes_in(connection->stream) == connection->limits.peer_mark;

    if (is_silent || !exchange->back)
        linger(connection, is_silent ? CLOSE_TUNNEL_TIMEOUT : CLOSE_TUNNEL_END);
    else
        start_tunnel_clock(connection);
}

void front_h1_phase_expired(struct connection *connection)
{
    switch (connection->h1.state) {
    case FRONT_H1_HEAD:
        front_h1_refuse(connection, ERROR_HEADER_TIMEOUT);
        break;
    case FRONT_H1_IDLE:
        connection_leave(connection, connection_idle_end(connection));
        break;
    case FRONT_H1_TUNNEL:
    case FRONT_H1_TUNNEL_UP:
    case FRONT_H1_TUNNEL_DOWN:
    case FRONT_H1_TUNNEL_ENDED:
        check_tunnel(connection);
        break;
    case FRONT_H1_GONE:
        break;
    default:
        linger(connection, CLOSE_REQUEST_UNREAD);
        break;
    }
}

void front_h1_body_expired(struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;

    /* The backend has answered without the rest: what is left of the response goes on. */
    if (!front_h1_is(connection, FRONT_H1_READS_BODY) ||
        (exchange->response_started && exchange->request_body.discards))
        limits_body_stop(&connection->limits);
    else
        front_h1_refuse(connection, ERROR_BODY_TIMEOUT);
}

/* After the client's end the stream has nothing to tell until it is written to. */
static bool was_reset(const struct connection *connection)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    return getsockopt(stream_fd(connection->stream), IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_state == TCP_CLOSE;
}

void front_h1_check_peer(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    connection->limits.peer_due = 0;
    if (!front_h1_is(connection, FRONT_H1_AWAITS | FRONT_H1_SENDS))
        return;
    if (was_reset(connection)) {
        connection_close(connection, CLOSE_CLIENT_RESET);
        return;
    }
    if (h1->state == FRONT_H1_AWAIT && h1->exchange->request.version == HTTP_1_1) {
        front_h1_set_state(connection, FRONT_H1_ASKED);
        front_h1_write_continue(connection);
    }
    connection->limits.peer_due = connection_now(connection) + LIMIT_PEER_CHECK;
}

/* ---- the client's end ---- */

void front_h1_peer_ended(struct connection *connection, enum error error)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    connection->peer_ended = true;
    if (error != ERROR_END) {
        connection_close(connection, connection_failure(error));
    } else if (front_h1_is(connection, FRONT_H1_READS_HEAD)) {
        /* Whole requests may wait here for room to answer them. */
        if (connection->h1.state == FRONT_H1_IDLE || limits->phase_due > 0)
            connection_leave(connection, CLOSE_CLIENT_CLOSED);
    } else if (front_h1_is(connection, FRONT_H1_READS_BODY)) {
        exchange_end_request(connection->h1.exchange, PIPE_BROKEN);
        connection_close(connection, CLOSE_CLIENT_GONE);
    } else if (front_h1_is(connection, FRONT_H1_READS_TUNNEL)) {
        front_h1_pass_end(connection);
    } else {
        limits->peer_due = now + LIMIT_PEER_CHECK;
        limits_arm(limits, now);
    }
}
