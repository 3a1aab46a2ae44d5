/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: what its stream, its clocks and its own pending work ask for. */
#include "connection_internal.h"

/* Bytes that one read of a body or tunnel may bring. */
#define READ_BULK (64 * 1024)

/* ---- reading ---- */

/* Whether bytes are wanted now: a body's as long as the exchange has room, a next request's as long
 * as few wait here. */
static bool wants_bytes(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    if (h1->peer_ended)
        return false;
    switch (connection->state) {
    case CONNECTION_IDLE:
    case CONNECTION_LINGER:
        return true;
    case CONNECTION_HEAD:
        return !stream_is_full(connection->stream);
    case CONNECTION_EXCHANGE:
        if (h1->request == REQUEST_DONE)
            return h1->in.len < LIMIT_INPUT;
        return h1->request == REQUEST_READING;
    case CONNECTION_TUNNEL:
        return h1->request == REQUEST_READING;
    case CONNECTION_HANDSHAKE:
    case CONNECTION_CLOSED:
        break;
    }
    return false;
}

void front_h1_update_reading(struct connection *connection)
{
    bool wanted = wants_bytes(connection);

    if (wanted == connection->h1.is_reading)
        return;
    connection->h1.is_reading = wanted;
    if (wanted)
        stream_resume(connection->stream);
    else
        stream_pause(connection->stream);
}

void front_h1_advance(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        front_h1_read_head(connection);
        break;
    case CONNECTION_EXCHANGE:
        if (connection->h1.request <= REQUEST_BLOCKED)
            front_h1_read_request_body(connection);
        else if (connection->h1.request == REQUEST_ABANDONED)
            chain_clear(&connection->h1.in);
        break;
    case CONNECTION_TUNNEL:
        if (connection->h1.request <= REQUEST_BLOCKED)
            front_h1_read_tunnel(connection);
        front_h1_pass_end(connection);
        break;
    case CONNECTION_LINGER:
    case CONNECTION_HANDSHAKE:
    case CONNECTION_CLOSED:
        break;
    }
    if (connection->state == CONNECTION_CLOSED)
        return;
    chain_compact(&connection->h1.in);
    front_h1_update_reading(connection);
}

static size_t read_limit(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD)
        return BUFFER_SIZE;
    if (connection->state == CONNECTION_EXCHANGE && h1->request == REQUEST_DONE)
        return h1->in.len < LIMIT_INPUT ? LIMIT_INPUT - h1->in.len : 1;
    return READ_BULK;
}

static void readable(struct connection *connection)
{
    long got = stream_read(connection->stream, &connection->h1.in, read_limit(connection));

    if (got == 0)
        return;
    if (got < 0)
        front_h1_peer_ended(connection, (enum error)got);
    else if (connection->state == CONNECTION_LINGER)
        front_h1_linger_on(connection);
    else
        front_h1_advance(connection);
}

/* ---- writing ---- */

static void drained(struct connection *connection)
{
    struct loop *loop = connection_frontend(connection)->config.loop;

    if (stream_queued(connection->stream) == 0) {
        limits_send_stop(&connection->limits);
        limits_arm(&connection->limits, connection_now(connection));
        connection_note_drained(connection);
        if (connection->state == CONNECTION_LINGER)
            front_h1_linger_on(connection);
    }
    if (connection->h1.exchange && connection->h1.response == RESPONSE_STARTED)
        front_h1_pump(connection);
    else if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_LINGER)
        loop_defer(loop, &connection->task);
}

/* ---- what waits for the turn's end ---- */

/* What must not be done inside a call of the exchange, or again and again inside one another. */
static void on_task(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    if (connection->state == CONNECTION_LINGER) {
        if (h1->peer_ended && stream_has_ended(connection->stream))
            connection_close(connection, CLOSE_NOW, ERROR_NONE);
        return;
    }
    if (h1->exchange && h1->response == RESPONSE_BROKEN) {
        /* What is missing must be seen: a FIN would end a body that lasts until the close. */
        connection_close(connection, h1->exchange->response_started ? CLOSE_RESET : CLOSE_NOW,
                         ERROR_NONE);
        return;
    }
    front_h1_advance(connection);
    if (connection->state != CONNECTION_CLOSED && h1->exchange && h1->response == RESPONSE_DONE)
        front_h1_finish(connection);
}

/* ---- clocks ---- */

static void phase_expired(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
        front_h1_refuse(connection, ERROR_HEADER_TIMEOUT);
        break;
    case CONNECTION_IDLE:
        front_h1_leave(connection, ERROR_NONE);
        break;
    case CONNECTION_EXCHANGE:
        front_h1_linger(connection);
        break;
    case CONNECTION_LINGER:
        if (front_h1_still_leaves(connection))
            front_h1_linger_on(connection);
        else
            connection_close(connection, CLOSE_NOW, ERROR_NONE);
        break;
    case CONNECTION_TUNNEL:
        front_h1_check_tunnel(connection);
        break;
    case CONNECTION_HANDSHAKE:
    case CONNECTION_CLOSED:
        break;
    }
}

static void check(struct connection *connection, double now)
{
    struct limits *limits = &connection->limits;

    if (limits_body_is_slow(limits, now, stream_bytes_in(connection->stream)))
        front_h1_body_expired(connection);
    if (limits->peer_due > 0 && now >= limits->peer_due)
        front_h1_check_peer(connection);
    if (connection->state != CONNECTION_CLOSED && limits->phase_due > 0 && now >= limits->phase_due)
        phase_expired(connection);
}

/* ---- its beginning and its end ---- */

static void start(struct connection *connection)
{
    double now = connection_now(connection);

    connection->h1.is_reading = true;
    connection->limits.phase_due = now + connection_settings(connection)->client_header_timeout;
    limits_arm(&connection->limits, now);
}

static void retire(struct connection *connection)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);
    bool is_idle = connection->state == CONNECTION_IDLE;

    if (connection->patience > 0 && is_idle)
        limits->phase_due = now + connection_idle_time(connection, limits->phase_due - now);
    else if (connection->patience <= 0 && (is_idle || connection->state == CONNECTION_HEAD))
        front_h1_leave(connection, ERROR_NONE);
}

static void close_side(struct connection *connection, enum connection_close how, enum error error)
{
    struct exchange *exchange = connection->h1.exchange;

    (void)how;
    chain_clear(&connection->h1.in);
    if (!exchange)
        return;
    connection->h1.exchange = NULL;
    if (exchange->error == ERROR_NONE)
        exchange->error = error;
    exchange_close(exchange);
}

const struct protocol protocol_h1 = {.start = start,
                                     .readable = readable,
                                     .drained = drained,
                                     .task = on_task,
                                     .check = check,
                                     .retire = retire,
                                     .close = close_side};
