/* SPDX-License-Identifier: MIT */
/* HTTP/2 towards the client: the connection under the streams. What a turn brings is read in one
 * piece, and what all streams have to say leaves in one piece at the turn's end. */
#include "h2/stream_internal.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>

/* Bytes that one read may bring. */
#define READ_BULK (64 * 1024)
/* Steps of streams that are done in one piece: a request and its response are two. */
#define DUE_PIECE 64

void front_h2_wake(struct connection *connection)
{
    loop_defer(connection_frontend(connection)->config.loop, &connection->task);
}

void front_h2_set_due(struct front_stream *stream)
{
    struct front_h2_side *side = stream->connection->h2;

    if (!stream->is_due)
        TAILQ_INSERT_TAIL(&side->due, stream, due);
    stream->is_due = true;
    front_h2_wake(stream->connection);
}

void front_h2_became_idle(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    double keepalive = connection_default_settings(connection)->keepalive_timeout;

    connection_set_state(connection, CONNECTION_IDLE);
    side->look_due = 0;
    if (connection->requests == 0)
        side->idle_due = side->first_due;
    else
        side->idle_due = connection_now(connection) + keepalive;
}

/* ---- its end ---- */

static void end_streams(struct connection *connection, enum error error)
{
    struct front_stream *stream;

    while ((stream = TAILQ_FIRST(&connection->h2->streams)))
        front_stream_end(stream, error);
}

static void log_reason(const struct connection *connection)
{
    const char *reason = h2_reason(connection->h2->session);

    if (reason[0] != '\0')
        log_info("tenant %.*s: client %.*s: HTTP/2: %s",
                 SLICE_PRINTF(frontend_tenant_name(connection->listener->tenant)),
                 SLICE_PRINTF(connection->client.peer_host), reason);
}

/* The session has said and heard everything: what follows is the end of a TCP connection, which is
 * HTTP/1's too. */
static void leave(struct connection *connection)
{
    bool is_hostile = h2_reason(connection->h2->session)[0] != '\0';

    log_reason(connection);
    end_streams(connection, ERROR_CLIENT_GONE);
    connection->h1.is_reading = connection->h2->is_reading;
    connection->protocol = &protocol_h1;
    if (is_hostile)
        front_h1_linger_briefly(connection);
    else
        front_h1_linger(connection);
}

static void close_side(struct connection *connection, enum connection_close how, enum error error)
{
    struct front_h2_side *side = connection->h2;
    bool was_idle = TAILQ_EMPTY(&side->streams);
    struct chain out;

    end_streams(connection, error);
    chain_clear(&side->in);
    if (how != CLOSE_ORDERLY || !was_idle)
        return;
    chain_init(&out, side->in.pool);
    if (side->goaway != GOAWAY_FINAL)
        h2_shutdown(side->session);
    h2_write(side->session, &out, STREAM_QUEUE);
    stream_write(connection->stream, &out);
}

void front_h2_side_free(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;

    if (!side)
        return;
    connection->h2 = NULL;
    h2_session_free(side->session);
    free(side);
}

/* ---- reading ---- */

/* Who does not take our frames is not heard: answers would pile up (RFC 9113 section 10.5). */
static void update_reading(struct connection *connection)
{
    bool wanted = !stream_is_full(connection->stream);

    if (wanted == connection->h2->is_reading)
        return;
    connection->h2->is_reading = wanted;
    if (wanted)
        stream_resume(connection->stream);
    else
        stream_pause(connection->stream);
}

static void receive(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;

    if (h2_receive(side->session, &side->in, connection_now(connection)) == H2_DEAD) {
        log_reason(connection);
        connection_close(connection, CLOSE_NOW, ERROR_CLIENT_GONE);
        return;
    }
    front_h2_wake(connection);
}

static void readable(struct connection *connection)
{
    long got;

    update_reading(connection);
    if (!connection->h2->is_reading)
        return;
    got = stream_read(connection->stream, &connection->h2->in, READ_BULK);
    if (got > 0)
        receive(connection);
    else if (got < 0)
        connection_close(connection, CLOSE_NOW, ERROR_CLIENT_GONE);
}

/* ---- writing ---- */

static void drained(struct connection *connection)
{
    if (stream_queued(connection->stream) == 0)
        limits_send_stop(&connection->limits);
    update_reading(connection);
    front_h2_wake(connection);
}

/* What is due may make more due: replies of our own are ready at once. The rest of many goes on
 * behind other connections' work. */
static void do_due(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream;

    for (unsigned done = 0; (stream = TAILQ_FIRST(&side->due)); done++) {
        if (done == DUE_PIECE) {
            front_h2_wake(connection);
            return;
        }
        TAILQ_REMOVE(&side->due, stream, due);
        stream->is_due = false;
        if (stream->request != STREAM_REQUEST_HEAD && !stream->is_dispatched)
            front_h2_dispatch(stream);
        else
            front_h2_answer(stream);
    }
}

static void write_some(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    size_t queued = stream_queued(connection->stream);
    struct chain out;

    if (queued >= STREAM_QUEUE || !h2_has_output(side->session))
        return;
    chain_init(&out, side->in.pool);
    h2_write(side->session, &out, STREAM_QUEUE - queued);
    connection_write(connection, &out);
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
    if (is_over(side->idle_due, now)) {
        side->idle_due = 0;
        front_h2_finish_goaway(connection);
    }
    if (is_over(side->goaway_due, now))
        front_h2_finish_goaway(connection);
    front_h2_wake(connection);
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
    struct chain_pool *pool = &connection_frontend(connection)->config.loop->buffers;
    double timeout = connection_default_settings(connection)->client_header_timeout;
    struct h2_settings limits;

    set_limits(connection, &limits);
    connection->h2 = side;
    TAILQ_INIT(&side->streams);
    TAILQ_INIT(&side->due);
    chain_init(&side->in, pool);
    side->session = h2_session_new(H2_SERVER, &limits, &front_h2_server_events, connection, pool);
    side->is_reading = true;
    side->first_due = connection_now(connection) + timeout;
    side->idle_due = side->first_due;
    front_h2_wake(connection);
    /* By prior knowledge, the first bytes have been read already. */
    if (connection->h1.in.len == 0)
        return;
    chain_move(&side->in, &connection->h1.in, connection->h1.in.len);
    receive(connection);
}

const struct protocol protocol_h2 = {.start = start,
                                     .readable = readable,
                                     .drained = drained,
                                     .task = task,
                                     .check = check,
                                     .retire = front_h2_retire,
                                     .close = close_side};
