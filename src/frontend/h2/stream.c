/* SPDX-License-Identifier: MIT */
/* The life of one stream's object, between a session's handle and an exchange. */
#include "h2/h2_internal.h"

#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

/* ---- memory ---- */

void front_stream_pool_init(struct front_stream_pool *pool)
{
    TAILQ_INIT(&pool->free);
    pool->free_count = 0;
}

void front_stream_pool_free(struct front_stream_pool *pool)
{
    struct front_stream *stream;

    while ((stream = TAILQ_FIRST(&pool->free))) {
        TAILQ_REMOVE(&pool->free, stream, next);
        free(stream);
    }
}

static struct front_stream *take_memory(struct front_stream_pool *pool)
{
    struct front_stream *stream = TAILQ_FIRST(&pool->free);

    if (!stream)
        return memory_alloc(sizeof(*stream));
    TAILQ_REMOVE(&pool->free, stream, next);
    pool->free_count--;
    return stream;
}

static void give_memory(struct front_stream_pool *pool, struct front_stream *stream)
{
    if (pool->free_count >= LIMIT_FREE_STREAMS) {
        free(stream);
        return;
    }
    TAILQ_INSERT_HEAD(&pool->free, stream, next);
    pool->free_count++;
}

/* ---- what is to be done ---- */

void front_h2_set_due(struct front_stream *stream)
{
    struct front_h2_side *side = stream->connection->h2;

    if (!stream->is_due)
        TAILQ_INSERT_TAIL(&side->due, stream, due);
    stream->is_due = true;
    connection_defer(stream->connection);
}

void front_h2_look_at(struct connection *connection, double due)
{
    connection->h2->look_due = deadline_earlier(connection->h2->look_due, due);
}

/* No stream is open any more. */
static void become_idle(struct connection *connection)
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

/* ---- a stream's life ---- */

struct front_stream *front_stream_new(struct connection *connection, struct h2_stream *handle,
                                      const struct exchange_front *ops)
{
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream = take_memory(connection_streams(connection));
    double now = connection_now(connection);

    *stream = (struct front_stream){.connection = connection, .handle = handle, .begun = now};
    stream->exchange = connection_new_exchange(connection, ops, stream);
    TAILQ_INSERT_TAIL(&side->streams, stream, next);
    side->idle_due = 0;
    front_h2_look_at(connection,
                     now + connection_default_settings(connection)->client_header_timeout);
    connection_set_state(connection, CONNECTION_ACTIVE);
    return stream;
}

void front_stream_end(struct front_stream *stream, enum error error)
{
    struct connection *connection = stream->connection;
    struct front_h2_side *side = connection->h2;
    struct exchange *exchange = stream->exchange;

    if (stream->is_due)
        TAILQ_REMOVE(&side->due, stream, due);
    TAILQ_REMOVE(&side->streams, stream, next);
    if (exchange->error == ERROR_NONE)
        exchange->error = error;
    exchange->request_bytes = h2_stream_received(stream->handle);
    exchange->response_bytes = h2_stream_sent(stream->handle);
    /* Cancelled in the breath in which it came. */
    if (stream->request != STREAM_REQUEST_HEAD && connection_is_logged(connection))
        connection_attend(connection, exchange);
    exchange_close(exchange);
    give_memory(connection_streams(connection), stream);
    if (TAILQ_EMPTY(&side->streams) && connection->state == CONNECTION_ACTIVE)
        become_idle(connection);
}

void front_stream_reset(struct front_stream *stream, enum error error, uint32_t code)
{
    struct connection *connection = stream->connection;
    struct h2_stream *handle = stream->handle;

    front_stream_end(stream, error);
    h2_reset(handle, code);
    connection_defer(connection);
}

/* ---- how far it has come ---- */

/* One step, with the steps that may follow it as bits. */
struct step {
    const char *name;
    unsigned next;
};

static void trace(const struct front_stream *stream, const char *what, const struct step *from,
                  const struct step *to)
{
    log_debug("client %llu: HTTP/2: stream %d: %s: %s to %s",
              (unsigned long long)stream->connection->client.connection,
              h2_stream_id(stream->handle), what, from->name, to->name);
}

void front_stream_set_request(struct front_stream *stream, enum stream_request request)
{
#define TO(name) (1u << STREAM_REQUEST_##name)
    static const struct step steps[] = {
        [STREAM_REQUEST_HEAD] = {"head", TO(BODY) | TO(DROPPED)},
        [STREAM_REQUEST_BODY] = {"body", TO(DROPPED) | TO(ENDED)},
        [STREAM_REQUEST_DROPPED] = {"dropped", TO(DROPPED)},
        [STREAM_REQUEST_ENDED] = {"ended", TO(DROPPED)},
    };
#undef TO

    assert(steps[stream->request].next & 1u << request);
    trace(stream, "request", &steps[stream->request], &steps[request]);
    stream->request = request;
}

void front_stream_set_response(struct front_stream *stream, enum stream_response response)
{
#define TO(name) (1u << STREAM_RESPONSE_##name)
    static const struct step steps[] = {
        [STREAM_RESPONSE_AWAITED] = {"awaited", TO(HEAD) | TO(ENDED) | TO(BROKEN)},
        [STREAM_RESPONSE_HEAD] = {"head", TO(BODY)},
        [STREAM_RESPONSE_BODY] = {"body", TO(ENDED)},
        [STREAM_RESPONSE_ENDED] = {"ended", 0},
        [STREAM_RESPONSE_BROKEN] = {"broken", 0},
    };
#undef TO

    assert(steps[stream->response].next & 1u << response);
    trace(stream, "response", &steps[stream->response], &steps[response]);
    stream->response = response;
}

/* ---- its request ---- */

void front_stream_refuse(struct front_stream *stream, enum error error)
{
    front_stream_set_request(stream, STREAM_REQUEST_DROPPED);
    stream->is_dispatched = true;
    stream->body.from = 0;
    connection_attend(stream->connection, stream->exchange);
    dispatch_refuse(stream->exchange, error);
}

void front_stream_give_back(struct front_stream *stream)
{
    struct exchange_pipe *pipe = &stream->exchange->request_body;
    uint64_t left = pipe->passed - pipe->bytes.len;

    if (left > stream->given) {
        h2_consume(stream->handle, (size_t)(left - stream->given));
        stream->given = left;
        connection_defer(stream->connection);
    }
    /* Not only a full pipe is waited for: the windows of all streams come out of one. */
    pipe->is_waiting = pipe->bytes.len > 0;
}
