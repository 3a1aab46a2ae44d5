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
#include "connection_internal.h"

#include <netinet/tcp.h>

static void set_phase(struct connection *connection, double seconds)
{
    double now = connection_now(connection);

    connection->limits.phase_due = now + seconds;
    limits_arm(&connection->limits, now);
}

static void close_exchange(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;

    connection->limits.peer_due = 0;
    limits_body_stop(&connection->limits);
    h1->exchange = NULL;
    if (exchange)
        exchange_close(exchange);
}

static void linger(struct connection *connection, bool is_brief)
{
    struct front_h1_side *h1 = &connection->h1;

    close_exchange(connection);
    connection_set_state(connection, CONNECTION_LINGER);
    stream_end(connection->stream);
    connection->limits.linger_until = 0;
    connection->limits.linger_is_brief = is_brief;
    front_h1_linger_on(connection);
    front_h1_update_reading(connection);
    /* Behind the flush that ends our side. */
    if (h1->peer_ended)
        loop_defer(connection_frontend(connection)->config.loop, &connection->task);
}

void front_h1_linger(struct connection *connection)
{
    linger(connection, false);
}

void front_h1_linger_briefly(struct connection *connection)
{
    linger(connection, true);
}

bool front_h1_still_leaves(const struct connection *connection)
{
    return !connection->limits.linger_is_brief && stream_queued(connection->stream) > 0;
}

void front_h1_linger_on(struct connection *connection)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    chain_clear(&connection->h1.in);
    if (limits->linger_until <= 0)
        limits->linger_until =
            now + (limits->linger_is_brief ? LIMIT_LINGER_BRIEF : LIMIT_LINGER_TOTAL);
    else if (front_h1_still_leaves(connection))
        limits->linger_until = now + LIMIT_LINGER_TOTAL;
    limits->phase_due = now + LIMIT_LINGER;
    if (limits->phase_due > limits->linger_until)
        limits->phase_due = limits->linger_until;
    limits_arm(limits, now);
}

void front_h1_leave(struct connection *connection, enum error error)
{
    if (stream_queued(connection->stream) > 0)
        front_h1_linger(connection);
    else
        connection_close(connection, CLOSE_ORDERLY, error);
}

bool front_h1_can_discard(const struct connection *connection)
{
    const struct h1_body_reader *body = &connection->h1.body;

    return body->framing == H1_LENGTH && body->left <= LIMIT_DISCARD;
}

static void next_request(struct connection *connection, double keepalive)
{
    struct front_h1_side *h1 = &connection->h1;

    h1->head = (struct h1_head_reader){0};
    h1->response = RESPONSE_AWAITED;
    connection_set_state(connection, CONNECTION_IDLE);
    set_phase(connection, connection_idle_time(connection, keepalive));
    front_h1_advance(connection);
}

static void start_tunnel_clock(struct connection *connection)
{
    connection->limits.peer_mark = stream_bytes_in(connection->stream);
    set_phase(connection, connection_settings(connection)->proxy_read_timeout);
}

/* The backend has ended its side. It leaves as soon as it has all that the client sends, or cannot
 * take it. */
static void finish_tunnel(struct connection *connection)
{
    if (!connection->h1.exchange->back)
        front_h1_linger(connection);
    else if (connection->limits.phase_due <= 0)
        start_tunnel_clock(connection);
}

void front_h1_finish(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    double keepalive = connection_settings(connection)->keepalive_timeout;
    bool is_read = h1->request == REQUEST_DONE;
    bool may_read = h1->request <= REQUEST_BLOCKED;

    if (connection->state == CONNECTION_TUNNEL) {
        finish_tunnel(connection);
        return;
    }
    if (may_read && h1->keep_alive && front_h1_can_discard(connection)) {
        if (connection->limits.phase_due <= 0)
            set_phase(connection, LIMIT_LINGER);
        exchange_discard_request(h1->exchange);
        return;
    }
    if (!is_read || !h1->keep_alive || connection_must_leave(connection) ||
        (h1->peer_ended && h1->in.len == 0)) {
        front_h1_linger(connection);
        return;
    }
    close_exchange(connection);
    next_request(connection, keepalive);
}

/* What the backend does not take is judged by the backend's own clocks. */
void front_h1_check_tunnel(struct connection *connection)
{
    bool is_silent = connection->h1.request == REQUEST_READING &&
                     stream_bytes_in(connection->stream) == connection->limits.peer_mark;

    if (is_silent || !connection->h1.exchange->back)
        front_h1_linger(connection);
    else
        start_tunnel_clock(connection);
}

void front_h1_body_expired(struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    /* The backend has answered without the rest: what is left of the response goes on. */
    if (h1->exchange && h1->exchange->response_started && h1->exchange->request_body.discards)
        limits_body_stop(&connection->limits);
    else
        front_h1_refuse(connection, ERROR_BODY_TIMEOUT);
}

/* ---- the client's end ---- */

static void ended_in_exchange(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    double now = connection_now(connection);

    if (h1->request <= REQUEST_BLOCKED) {
        exchange_end_request(h1->exchange, PIPE_BROKEN);
        connection_close(connection, CLOSE_NOW, ERROR_CLIENT_GONE);
        return;
    }
    connection->limits.peer_due = now + LIMIT_PEER_CHECK;
    limits_arm(&connection->limits, now);
}

void front_h1_pass_end(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    if (!h1->peer_ended || h1->in.len > 0 || h1->request == REQUEST_DONE)
        return;
    h1->request = REQUEST_DONE;
    exchange_end_request(h1->exchange, PIPE_ENDED);
    if (h1->response == RESPONSE_DONE)
        loop_defer(connection_frontend(connection)->config.loop, &connection->task);
}

void front_h1_peer_ended(struct connection *connection, enum error error)
{
    connection->h1.peer_ended = true;
    if (error != ERROR_END) {
        connection_close(connection, CLOSE_NOW, ERROR_CLIENT_GONE);
        return;
    }
    switch (connection->state) {
    case CONNECTION_HEAD:
        /* Whole requests may wait here for room to answer them. */
        if (connection->limits.phase_due <= 0)
            return;
        front_h1_leave(connection, ERROR_CLIENT_GONE);
        break;
    case CONNECTION_EXCHANGE:
        ended_in_exchange(connection);
        break;
    case CONNECTION_TUNNEL:
        front_h1_pass_end(connection);
        break;
    case CONNECTION_LINGER:
        if (stream_has_ended(connection->stream))
            connection_close(connection, CLOSE_NOW, ERROR_NONE);
        break;
    case CONNECTION_IDLE:
        front_h1_leave(connection, ERROR_NONE);
        break;
    case CONNECTION_HANDSHAKE:
        connection_close(connection, CLOSE_ORDERLY, ERROR_NONE);
        break;
    case CONNECTION_CLOSED:
        break;
    }
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
    if (!h1->exchange || h1->response >= RESPONSE_DONE)
        return;
    if (was_reset(connection)) {
        connection_close(connection, CLOSE_NOW, ERROR_CLIENT_GONE);
        return;
    }
    if (h1->response == RESPONSE_AWAITED && !h1->peer_asked &&
        h1->exchange->request.version == HTTP_1_1) {
        h1->peer_asked = true;
        front_h1_write_continue(connection);
    }
    connection->limits.peer_due = connection_now(connection) + LIMIT_PEER_CHECK;
}
