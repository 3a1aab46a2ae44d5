/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: what its stream, its clocks and its own pending work ask for. */
#include "h1/h1_internal.h"

/* Bytes that one read of a body or tunnel may bring. */
#define READ_BULK (64 * 1024)

static size_t read_limit(const struct connection *connection)
{
    if (front_h1_is(connection, FRONT_H1_READS_HEAD))
        return BUFFER_SIZE;
    if (front_h1_is(connection, FRONT_H1_QUEUES))
        return connection->in.len < LIMIT_INPUT ? LIMIT_INPUT - connection->in.len : 1;
    return READ_BULK;
}

static void readable(struct connection *connection)
{
    long got = stream_read(connection->stream, &connection->in, read_limit(connection));

    if (got > 0)
        front_h1_advance(connection);
    else if (got < 0)
        front_h1_peer_ended(connection, (enum error)got);
}

static void writable(struct connection *connection)
{
    if (front_h1_is(connection, FRONT_H1_SENDS))
        front_h1_pump(connection);
    else if (connection->h1.state == FRONT_H1_HEAD)
        connection_defer(connection);
}

/* What must not be done inside a call of the exchange, or again and again inside one another. */
static void task(struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    if (h1->state == FRONT_H1_BROKEN) {
        /* What is missing must be seen: a FIN would end a body that lasts until the close. */
        connection_close(connection,
                         h1->exchange->response_started ? CLOSE_RESPONSE_BROKEN : CLOSE_UNANSWERED);
        return;
    }
    front_h1_advance(connection);
    if (front_h1_finish(connection))
        front_h1_advance(connection);
}

static void check(struct connection *connection, double now)
{
    struct limits *limits = &connection->limits;
    double heard = connection_heard(connection) + DEADLINE_SLACK;

    if (limits_body_is_slow(limits, heard, stream_bytes_in(connection->stream)))
        front_h1_body_expired(connection);
    if (limits->peer_due > 0 && now >= limits->peer_due)
        front_h1_check_peer(connection);
    if (connection->state != CONNECTION_CLOSED && limits->phase_due > 0 &&
        heard >= limits->phase_due)
        front_h1_phase_expired(connection);
}

static void start(struct connection *connection)
{
    connection_set_timeout(connection,
                           connection_default_settings(connection)->client_header_timeout);
}

static void retire(struct connection *connection)
{
    struct limits *limits = &connection->limits;
    enum front_h1_state state = connection->h1.state;
    double now = connection_now(connection);

    if (connection->patience > 0 && state == FRONT_H1_IDLE)
        limits->phase_due = now + connection_idle_time(connection, limits->phase_due - now);
    else if (connection->patience <= 0 && (state == FRONT_H1_IDLE || state == FRONT_H1_HEAD))
        connection_leave(connection, connection->retiring);
}

/* A client that leaves in the middle of a head is counted and has its line, as in nginx. */
static void end_cut_head(struct connection *connection, enum error error)
{
    if (connection->h1.state != FRONT_H1_HEAD || error != ERROR_CLIENT_GONE ||
        connection->in.len == 0)
        return;
    front_h1_note_line(connection);
    connection_count_request(connection, connection->h1.exchange);
    if (connection_is_logged(connection))
        connection_attend(connection, connection->h1.exchange);
}

static void end(struct connection *connection, enum error error)
{
    struct exchange *exchange;

    end_cut_head(connection, error);
    exchange = connection->h1.exchange;
    front_h1_set_state(connection, FRONT_H1_GONE);
    connection->limits.peer_due = 0;
    limits_body_stop(&connection->limits);
    if (!exchange)
        return;
    connection->h1.exchange = NULL;
    if (exchange->error == ERROR_NONE)
        exchange->error = error;
    exchange_close(exchange);
}

const struct protocol front_h1_protocol = {.start = start,
                                           .readable = readable,
                                           .writable = writable,
                                           .task = task,
                                           .check = check,
                                           .retire = retire,
                                           .end = end};
