/* SPDX-License-Identifier: MIT */
/* The end of a TCP connection whose last bytes must arrive: our side ends, and what the client
 * still sends is read and dropped for a while (LIMIT_LINGER). Whatever was spoken is over then. */
#include "connection_internal.h"

/* Bytes that one read may bring. */
#define READ_BULK (64 * 1024)

/* A peer that broke the protocol has a second, whatever it does. */
static bool is_brief(const struct connection *connection)
{
    return connection->reason == CLOSE_HTTP2_ERROR;
}

/* Our last bytes are on their way, and the clock of sending is what counts. */
static bool still_leaves(const struct connection *connection)
{
    return !is_brief(connection) && stream_queued(connection->stream) > 0;
}

/* It begins, bytes came, or our last ones have left. */
static void linger_on(struct connection *connection)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    chain_clear(&connection->in);
    if (limits->linger_until <= 0)
        limits->linger_until =
            now + (is_brief(connection) ? LIMIT_LINGER_BRIEF : LIMIT_LINGER_TOTAL);
    else if (still_leaves(connection))
        limits->linger_until = now + LIMIT_LINGER_TOTAL;
    limits->phase_due = now + LIMIT_LINGER;
    if (limits->phase_due > limits->linger_until)
        limits->phase_due = limits->linger_until;
    limits_arm(limits, now);
}

static void finish(struct connection *connection)
{
    connection_close(connection, connection->reason);
}

/* ---- while it lingers ---- */

static void readable(struct connection *connection)
{
    long got = stream_read(connection->stream, &connection->in, READ_BULK);

    if (got > 0) {
        linger_on(connection);
        return;
    }
    if (got == 0)
        return;
    connection->peer_ended = true;
    if (got != ERROR_END || stream_has_ended(connection->stream))
        finish(connection);
}

static void writable(struct connection *connection)
{
    if (stream_queued(connection->stream) == 0)
        linger_on(connection);
    connection_defer(connection);
}

static void task(struct connection *connection)
{
    if (connection->peer_ended && stream_has_ended(connection->stream))
        finish(connection);
}

static void check(struct connection *connection, double now)
{
    double due = connection->limits.phase_due;

    if (due <= 0 || now < due)
        return;
    if (still_leaves(connection))
        linger_on(connection);
    else
        finish(connection);
}

static const struct protocol protocol_linger = {
    .readable = readable, .writable = writable, .task = task, .check = check};

/* ---- its beginning ---- */

void connection_linger(struct connection *connection, enum close_reason reason)
{
    connection->client.closed = reason;
    connection->protocol->end(connection, close_error(reason));
    connection->reason = reason;
    connection_set_state(connection, CONNECTION_LINGER);
    connection_speak(connection, &protocol_linger);
    stream_end(connection->stream);
    connection->limits.linger_until = 0;
    linger_on(connection);
    if (connection->peer_ended) {
        stream_pause(connection->stream);
        /* Behind the flush that ends our side. */
        connection_defer(connection);
    } else {
        stream_resume(connection->stream);
    }
}

void connection_leave(struct connection *connection, enum close_reason reason)
{
    if (stream_queued(connection->stream) > 0)
        connection_linger(connection, reason);
    else
        connection_close(connection, reason);
}
