/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: what its stream, its clocks and its own pending work ask for. */
#include "connection_internal.h"

/* Bytes that one read of a body or tunnel may bring. */
#define READ_BULK (64 * 1024)

static struct connection *of_task(struct loop_task *task)
{
    return (struct connection *)((char *)task - offsetof(struct connection, task));
}

/* ---- reading ---- */

/* Whether bytes are wanted now: a body's as long as the exchange has room, a next request's as long
 * as few wait here. */
static bool wants_bytes(const struct connection *connection)
{
    const struct h1_side *h1 = &connection->h1;

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

void h1_update_reading(struct connection *connection)
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

void h1_advance(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        h1_read_head(connection);
        break;
    case CONNECTION_EXCHANGE:
        if (connection->h1.request <= REQUEST_BLOCKED)
            h1_read_request_body(connection);
        else if (connection->h1.request == REQUEST_ABANDONED)
            chain_clear(&connection->h1.in);
        break;
    case CONNECTION_TUNNEL:
        if (connection->h1.request <= REQUEST_BLOCKED)
            h1_read_tunnel(connection);
        h1_pass_end(connection);
        break;
    case CONNECTION_LINGER:
    case CONNECTION_HANDSHAKE:
    case CONNECTION_CLOSED:
        break;
    }
    if (connection->state != CONNECTION_CLOSED)
        h1_update_reading(connection);
}

static size_t read_limit(const struct connection *connection)
{
    const struct h1_side *h1 = &connection->h1;

    if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD)
        return BUFFER_SIZE;
    if (connection->state == CONNECTION_EXCHANGE && h1->request == REQUEST_DONE)
        return h1->in.len < LIMIT_INPUT ? LIMIT_INPUT - h1->in.len : 1;
    return READ_BULK;
}

static void on_readable(void *owner)
{
    struct connection *connection = owner;
    long got = stream_read(connection->stream, &connection->h1.in, read_limit(connection));

    if (got == 0)
        return;
    if (got < 0)
        h1_peer_ended(connection, (enum error)got);
    else if (connection->state == CONNECTION_LINGER)
        h1_linger_on(connection);
    else
        h1_advance(connection);
}

/* ---- writing ---- */

static void on_drained(void *owner)
{
    struct connection *connection = owner;
    struct loop *loop = connection_frontend(connection)->config.loop;

    if (stream_queued(connection->stream) == 0) {
        limits_send_stop(&connection->limits);
        limits_arm(&connection->limits, connection_now(connection));
        connection_note_drained(connection);
        if (connection->state == CONNECTION_LINGER)
            h1_linger_on(connection);
    }
    if (connection->h1.exchange && connection->h1.response == RESPONSE_STARTED)
        h1_pump(connection);
    else if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_LINGER)
        loop_defer(loop, &connection->task);
}

static void on_failed(void *owner, enum error error)
{
    connection_close(owner, CLOSE_NOW, error == ERROR_RESET ? ERROR_CLIENT_GONE : error);
}

static void on_open(void *owner)
{
    (void)owner;
}

static const struct stream_events h1_events = {.on_open = on_open,
                                               .on_readable = on_readable,
                                               .on_drained = on_drained,
                                               .on_failed = on_failed};

/* ---- what waits for the turn's end ---- */

/* What must not be done inside a call of the exchange, or again and again inside one another. */
static void on_task(struct loop_task *task)
{
    struct connection *connection = of_task(task);
    struct h1_side *h1 = &connection->h1;

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
    h1_advance(connection);
    if (connection->state != CONNECTION_CLOSED && h1->exchange && h1->response == RESPONSE_DONE)
        h1_finish(connection);
}

/* ---- clocks ---- */

void h1_phase_expired(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
        connection_fail_handshake(connection, ERROR_HANDSHAKE_TIMEOUT);
        break;
    case CONNECTION_HEAD:
        h1_refuse(connection, ERROR_HEADER_TIMEOUT);
        break;
    case CONNECTION_IDLE:
        h1_leave(connection, ERROR_NONE);
        break;
    case CONNECTION_EXCHANGE:
        h1_linger(connection);
        break;
    case CONNECTION_LINGER:
        /* While the response still leaves, the clock of sending is the one that counts. */
        if (stream_queued(connection->stream) > 0)
            h1_linger_on(connection);
        else
            connection_close(connection, CLOSE_NOW, ERROR_NONE);
        break;
    case CONNECTION_TUNNEL:
        h1_check_tunnel(connection);
        break;
    case CONNECTION_CLOSED:
        break;
    }
}

void h1_start(struct connection *connection)
{
    double now = connection_now(connection);

    connection->task.run = on_task;
    connection->h1.is_reading = true;
    stream_set_owner(connection->stream, &h1_events, connection);
    connection->limits.phase_due = now + connection_settings(connection)->client_header_timeout;
    limits_arm(&connection->limits, now);
}
