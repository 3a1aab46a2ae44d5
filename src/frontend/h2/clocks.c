/* SPDX-License-Identifier: MIT */
/* The clocks of streams. Nothing is stored for them while things move: they are looked at when the
 * earliest could be over, and tell then when to look again. What a client has not done is held
 * against it up to the moment to which it was heard (stream_heard). */
#include "h2/h2_internal.h"

#include "base/log.h"

/* Seconds between looks at a tunnel of which only the client's side is open. */
#define TUNNEL_LOOK 1.0

void front_h2_arm(struct connection *connection)
{
    const struct front_h2_side *side = connection->h2;
    double due = deadline_earlier(deadline_earlier(side->idle_due, side->linger_due),
                                  deadline_earlier(side->look_due, side->goaway_due));

    connection->limits.phase_due = due;
    limits_arm(&connection->limits, connection_now(connection));
}

static void start_clock(struct stream_clock *clock, double now, uint64_t bytes)
{
    clock->from = now;
    clock->last = now;
    clock->mark = bytes;
}

/* Whether a window of that many seconds is over in which too little moved. */
static bool is_too_slow(struct stream_clock *clock, double heard, double timeout, uint64_t bytes)
{
    if (heard < clock->from + timeout)
        return false;
    if ((double)(bytes - clock->mark) < LIMIT_RATE * timeout)
        return true;
    clock->from = heard;
    clock->mark = bytes;
    return false;
}

/* ---- the head ---- */

/* Half a head cannot be skipped: the state of HPACK goes through it (RFC 9113 section 4.3). */
static double look_at_head(struct front_stream *stream, double heard)
{
    struct connection *connection = stream->connection;
    double due = stream->begun + connection_default_settings(connection)->client_header_timeout;

    if (stream->request != STREAM_REQUEST_HEAD)
        return 0;
    if (heard < due)
        return due;
    log_info("tenant %.*s: client %.*s: HTTP/2: %s",
             SLICE_PRINTF(connection_tenant_name(connection)),
             SLICE_PRINTF(connection->client.peer_host), error_text(ERROR_HEADER_TIMEOUT));
    connection->h2->last = CLOSE_HEADER_TIMEOUT;
    h2_terminate(connection->h2->session, H2_ENHANCE_YOUR_CALM);
    connection_defer(connection);
    return 0;
}

/* ---- the request's body ---- */

void front_h2_start_body_clock(struct front_stream *stream)
{
    double now = connection_now(stream->connection);

    if (stream->request != STREAM_REQUEST_BODY || !stream->is_dispatched ||
        stream->exchange->response_started)
        return;
    start_clock(&stream->body, now, stream->exchange->request_body.passed);
    front_h2_look_at(stream->connection, now + front_h2_settings(stream)->client_body_timeout);
}

/* Bytes of all streams that no backend has taken: beyond half of the connection's window it may be
 * us who holds the client up. */
static bool holds_up(const struct connection *connection)
{
    const struct front_stream *stream;
    struct h2_settings settings;
    size_t held = 0;

    h2_settings_init(&settings, H2_SERVER);
    TAILQ_FOREACH (stream, &connection->h2->streams, next)
        held += stream->exchange->request_body.bytes.len;
    return held > settings.connection_window / 2;
}

static double look_at_body(struct front_stream *stream, double heard, bool is_held_up)
{
    const struct exchange_pipe *pipe = &stream->exchange->request_body;
    double timeout = front_h2_settings(stream)->client_body_timeout;
    struct stream_clock *clock = &stream->body;

    if (clock->from <= 0)
        return 0;
    if (is_held_up || pipe->bytes.len > 0 || pipe->discards) {
        start_clock(clock, connection_now(stream->connection), pipe->passed);
    } else if (heard >= clock->last + timeout || is_too_slow(clock, heard, timeout, pipe->passed)) {
        front_stream_refuse(stream, ERROR_BODY_TIMEOUT);
        return 0;
    }
    return deadline_earlier(clock->last, clock->from) + timeout;
}

/* ---- the response ---- */

static double patience(const struct front_stream *stream)
{
    double timeout = front_h2_settings(stream)->send_timeout;

    return timeout < LIMIT_STALL ? timeout : LIMIT_STALL;
}

void front_h2_start_send_clock(struct front_stream *stream)
{
    front_h2_look_at(stream->connection,
                     connection_now(stream->connection) + patience(stream) / LIMIT_LOOKS);
}

void front_h2_start_tunnel_clock(struct front_stream *stream)
{
    double now = connection_now(stream->connection);

    start_clock(&stream->send, now, stream->exchange->request_body.passed);
    front_h2_look_at(stream->connection, now + TUNNEL_LOOK);
}

/* When the backend has left, or the client stays silent, nothing is to be expected any more. */
static bool is_tunnel_over(struct front_stream *stream, double heard)
{
    const struct exchange *exchange = stream->exchange;
    uint64_t passed = exchange->request_body.passed;
    struct stream_clock *clock = &stream->send;

    if (!exchange->back)
        return true;
    if (passed != clock->mark)
        start_clock(clock, connection_now(stream->connection), passed);
    return heard >= clock->from + front_h2_settings(stream)->proxy_read_timeout;
}

/* Whether its bytes wait for a window of the client's, for too long. */
static bool is_stalled(struct front_stream *stream, double heard, double timeout)
{
    const struct exchange *exchange = stream->exchange;
    struct stream_clock *clock = &stream->send;

    if (exchange->response_body.bytes.len == 0 || exchange_is_paced(exchange)) {
        clock->from = 0;
        return false;
    }
    if (clock->from <= 0)
        start_clock(clock, connection_now(stream->connection), exchange->response_body_bytes);
    return is_too_slow(clock, heard, timeout, exchange->response_body_bytes);
}

/* Returns when to look again; the stream may have been ended. is_full: the connection takes no more
 * now, so that what waits does so for a window only where the stream's own is shut. */
static double look_at_response(struct front_stream *stream, double heard, bool is_full)
{
    double now = connection_now(stream->connection);
    double timeout = patience(stream);
    bool is_body = stream->response == STREAM_RESPONSE_BODY;
    bool is_tunnel = stream->response == STREAM_RESPONSE_ENDED && stream->exchange->is_tunnel;
    bool may_stall = is_body && (!is_full || h2_is_window_blocked(stream->handle));

    if (is_body && !may_stall)
        stream->send.from = 0;
    if (is_tunnel && is_tunnel_over(stream, heard))
        front_stream_reset(stream, ERROR_NONE, H2_NO_ERROR);
    else if (is_tunnel)
        return now + TUNNEL_LOOK;
    else if (may_stall && is_stalled(stream, heard, timeout))
        front_stream_reset(stream, ERROR_SEND_TIMEOUT, H2_CANCEL);
    else if (is_body)
        return now + timeout / LIMIT_LOOKS;
    return 0;
}

void front_h2_look(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    double heard = connection_heard(connection) + DEADLINE_SLACK;
    bool is_held_up = holds_up(connection);
    /* What waits after everything was written that could be, waits for a window. While there is
     * more to write than the connection takes, it is the connection's clock that counts, but for
     * streams whose own window is shut: one that flows must not shield those that stand. */
    bool is_full = stream_is_full(connection->stream) || h2_has_output(side->session);
    struct front_stream *stream, *next;

    side->wants_look = false;
    side->look_due = 0;
    for (stream = TAILQ_FIRST(&side->streams); stream; stream = next) {
        next = TAILQ_NEXT(stream, next);
        front_h2_look_at(connection, look_at_head(stream, heard));
        front_h2_look_at(connection, look_at_body(stream, heard, is_held_up));
        front_h2_look_at(connection, look_at_response(stream, heard, is_full));
    }
}
