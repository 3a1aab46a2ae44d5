/* SPDX-License-Identifier: MIT */
/* HTTP/2 towards the client: the connection under the streams. What one read brings, what streams
 * have due and what they have to say is done in pieces: each stops when its share has had its time,
 * and goes on behind other connections' work. What a piece makes leaves by one write. */
#include "h2/h2_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

/* Bytes that one read may bring. */
#define READ_BULK (64 * 1024)
/* What is done between two looks at the clock, whatever it takes: frames that are read, steps of
 * streams (a request and its response are two), bytes that are written. So a few streams that ask
 * at the same time are answered by one write even where the kernel is slow. */
#define READ_PIECE  32
#define DUE_PIECE   32
#define WRITE_PIECE 2048
/* Streams that are ended between two looks at the clock. */
#define END_PIECE 8

/* ---- its end ---- */

static void log_reason(const struct connection *connection)
{
    const char *reason = h2_reason(connection->h2->session);

    if (reason[0] != '\0')
        log_info("tenant %.*s: client %.*s: HTTP/2: %s",
                 SLICE_PRINTF(connection_tenant_name(connection)),
                 SLICE_PRINTF(connection->client.peer_host), reason);
}

/* The session has said and heard everything. */
static void leave(struct connection *connection)
{
    enum close_reason reason = connection->h2->last;

    log_reason(connection);
    if (h2_reason(connection->h2->session)[0] != '\0')
        reason = CLOSE_HTTP2_ERROR;
    connection_linger(connection, reason != CLOSE_NONE ? reason : CLOSE_CLIENT_CLOSED);
}

/* GOAWAY, where it was not said and somebody may hear it. */
static void farewell(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    struct chain out;

    if (connection->peer_ended || side->lost != CLOSE_NONE || !TAILQ_EMPTY(&side->streams))
        return;
    chain_init(&out, connection->in.pool);
    if (side->goaway != GOAWAY_FINAL)
        h2_shutdown(side->session);
    h2_write(side->session, &out, STREAM_QUEUE);
    stream_write(connection->stream, &out);
}

/* Not inside the session's own events. */
static void bury(struct loop_task *task)
{
    struct front_h2_side *side = CONTAINER_OF(task, struct front_h2_side, grave);

    h2_session_free(side->session);
    free(side);
}

static void end(struct connection *connection, enum error error)
{
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream;

    while ((stream = TAILQ_FIRST(&side->streams)))
        front_stream_end(stream, error);
    connection->h2 = NULL;
    side->grave.run = bury;
    loop_bury(connection_loop(connection), &side->grave);
}

/* Each stream takes a connection to a server along, so that many take a while. */
static void end_some(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream;

    for (unsigned done = 1; (stream = TAILQ_FIRST(&side->streams)); done++) {
        front_stream_end(stream, close_error(side->lost));
        if (done % END_PIECE == 0 && loop_should_yield(connection_loop(connection))) {
            connection_defer(connection);
            return;
        }
    }
    connection_close(connection, side->lost);
}

/* The client is gone, or not to be heard any more: of its session nothing is used but its memory.
 */
static void lose(struct connection *connection, enum close_reason reason)
{
    struct front_h2_side *side = connection->h2;

    if (side->lost != CLOSE_NONE)
        return;
    if (TAILQ_EMPTY(&side->streams)) {
        connection_close(connection, reason);
        return;
    }
    side->lost = reason;
    connection->client.closed = reason;
    chain_clear(&connection->in);
    stream_pause(connection->stream);
    end_some(connection);
}

static void failed(struct connection *connection, enum error error)
{
    lose(connection, connection_failure(error));
}

/* ---- reading ---- */

/* Who does not take our frames is not heard: answers would pile up (RFC 9113 section 10.5). Nor is
 * anybody while some of what was read waits, or who is lost. */
static bool may_read(const struct connection *connection)
{
    return connection->in.len == 0 && !stream_is_full(connection->stream) &&
           connection->h2->lost == CLOSE_NONE;
}

static void update_reading(struct connection *connection)
{
    if (!may_read(connection))
        stream_pause(connection->stream);
    else
        stream_resume(connection->stream);
}

static void receive(struct connection *connection)
{
    struct h2_session *session = connection->h2->session;
    enum h2_verdict verdict;

    do
        verdict = h2_receive(session, &connection->in, READ_PIECE, connection_now(connection));
    while (connection->in.len > 0 && !loop_should_yield(connection_loop(connection)));
    if (verdict == H2_DEAD) {
        log_reason(connection);
        lose(connection, CLOSE_HTTP2_ERROR);
        return;
    }
    update_reading(connection);
    connection_defer(connection);
}

static void peer_ended(struct connection *connection, enum error error)
{
    bool is_idle = TAILQ_EMPTY(&connection->h2->streams);

    connection->peer_ended = true;
    lose(connection,
         error == ERROR_END && is_idle ? CLOSE_CLIENT_CLOSED : connection_failure(error));
}

static void readable(struct connection *connection)
{
    long got;

    update_reading(connection);
    if (!may_read(connection))
        return;
    got = stream_read(connection->stream, &connection->in, READ_BULK);
    if (got > 0)
        receive(connection);
    else if (got < 0)
        peer_ended(connection, (enum error)got);
}

/* ---- writing ---- */

static void writable(struct connection *connection)
{
    update_reading(connection);
    connection_defer(connection);
}

/* What is due may make more due: replies of our own are ready at once. */
static void do_due(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream;

    for (unsigned done = 1; (stream = TAILQ_FIRST(&side->due)); done++) {
        TAILQ_REMOVE(&side->due, stream, due);
        stream->is_due = false;
        if (stream->request != STREAM_REQUEST_HEAD && !stream->is_dispatched)
            front_h2_dispatch(stream);
        else
            front_h2_answer(stream);
        if (done % DUE_PIECE == 0 && !TAILQ_EMPTY(&side->due) &&
            loop_should_yield(connection_loop(connection))) {
            connection_defer(connection);
            return;
        }
    }
}

static void write_some(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    size_t queued = stream_queued(connection->stream);
    bool has_more = h2_has_output(side->session);
    struct chain out;

    if (queued >= STREAM_QUEUE || !has_more)
        return;
    chain_init(&out, connection->in.pool);
    while (has_more && queued + out.len < STREAM_QUEUE) {
        has_more = h2_write(side->session, &out, out.len + WRITE_PIECE);
        if (has_more && loop_should_yield(connection_loop(connection))) {
            connection_defer(connection);
            break;
        }
    }
    connection_write(connection, &out, connection_default_settings(connection)->send_timeout);
}

/* Behind the responses: those of uploads may have been among them. */
static void linger(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    bool had_output = h2_has_output(side->session);

    side->linger_due = h2_linger(side->session, connection_now(connection));
    if (!had_output)
        write_some(connection);
}

static void task(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;

    if (side->lost != CLOSE_NONE) {
        end_some(connection);
        return;
    }
    if (connection->in.len > 0) {
        receive(connection);
        if (connection->h2 != side || side->lost != CLOSE_NONE)
            return;
    }
    do_due(connection);
    write_some(connection);
    linger(connection);
    if (side->wants_look)
        front_h2_look(connection);
    if (h2_is_done(side->session))
        leave(connection);
    else
        front_h2_arm(connection);
}

/* ---- clocks ---- */

static bool is_over(double due, double now)
{
    return due > 0 && now >= due;
}

static void check(struct connection *connection, double now)
{
    struct front_h2_side *side = connection->h2;

    side->wants_look = side->wants_look || is_over(side->look_due, now);
    if (is_over(side->idle_due, connection_heard(connection) + DEADLINE_SLACK)) {
        side->idle_due = 0;
        front_h2_finish_goaway(connection, connection_idle_end(connection));
    }
    if (is_over(side->goaway_due, now))
        front_h2_finish_goaway(connection, side->last);
    connection_defer(connection);
}

/* ---- its beginning ---- */

static void set_limits(const struct connection *connection, struct h2_settings *limits)
{
    const struct config_settings *settings = connection_default_settings(connection);
    uint64_t head = (uint64_t)settings->header_buffers * settings->header_buffer_size;

    h2_settings_init(limits, H2_SERVER);
    limits->head_max = head < LIMIT_HEAD ? (uint32_t)head : LIMIT_HEAD;
    limits->fields_max = LIMIT_FIELDS;
    if (settings->http2_max_concurrent_streams > 0)
        limits->streams_max = settings->http2_max_concurrent_streams;
}

static void start(struct connection *connection)
{
    struct front_h2_side *side = memory_zeroed(1, sizeof(*side));
    double timeout = connection_default_settings(connection)->client_header_timeout;
    struct h2_settings limits;

    set_limits(connection, &limits);
    connection->h2 = side;
    connection->client.is_http2 = true;
    TAILQ_INIT(&side->streams);
    TAILQ_INIT(&side->due);
    side->session = h2_session_new(H2_SERVER, &limits, &front_h2_server_events, connection,
                                   connection->in.pool);
    side->first_due = connection_now(connection) + timeout;
    side->idle_due = side->first_due;
    connection_defer(connection);
    /* By prior knowledge, the first bytes have been read already. */
    if (connection->in.len > 0)
        receive(connection);
}

const struct protocol front_h2_protocol = {.start = start,
                                           .readable = readable,
                                           .writable = writable,
                                           .failed = failed,
                                           .task = task,
                                           .check = check,
                                           .retire = front_h2_retire,
                                           .farewell = farewell,
                                           .end = end};
