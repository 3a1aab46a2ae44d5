/* SPDX-License-Identifier: MIT */
/* The life of one stream's object, between a session's handle and an exchange. */
#include "h2/stream_internal.h"

#include "base/memory.h"

#include <stdlib.h>

static struct front_stream *take_memory(struct frontend *frontend)
{
    struct front_stream *stream = TAILQ_FIRST(&frontend->free_streams);

    if (!stream)
        return memory_alloc(sizeof(*stream));
    TAILQ_REMOVE(&frontend->free_streams, stream, next);
    frontend->free_stream_count--;
    return stream;
}

static void give_memory(struct frontend *frontend, struct front_stream *stream)
{
    if (frontend->free_stream_count >= LIMIT_FREE_STREAMS) {
        free(stream);
        return;
    }
    TAILQ_INSERT_HEAD(&frontend->free_streams, stream, next);
    frontend->free_stream_count++;
}

void front_streams_free(struct frontend *frontend)
{
    struct front_stream *stream;

    while ((stream = TAILQ_FIRST(&frontend->free_streams))) {
        TAILQ_REMOVE(&frontend->free_streams, stream, next);
        free(stream);
    }
}

struct front_stream *front_stream_new(struct connection *connection, struct h2_stream *handle)
{
    struct frontend *frontend = connection_frontend(connection);
    struct front_h2_side *side = connection->h2;
    struct front_stream *stream = take_memory(frontend);
    double now = connection_now(connection);

    *stream = (struct front_stream){.connection = connection, .handle = handle, .begun = now};
    stream->exchange =
        exchange_new(&frontend->exchanges, &front_h2_exchange_front, stream, &connection->client);
    TAILQ_INSERT_TAIL(&side->streams, stream, next);
    side->idle_due = 0;
    front_h2_look_at(connection,
                     now + connection_default_settings(connection)->client_header_timeout);
    if (connection->state == CONNECTION_IDLE)
        connection_set_state(connection, CONNECTION_EXCHANGE);
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
    exchange_close(exchange);
    give_memory(connection_frontend(connection), stream);
    if (TAILQ_EMPTY(&side->streams) && connection->state == CONNECTION_EXCHANGE)
        front_h2_became_idle(connection);
}

void front_stream_reset(struct front_stream *stream, enum error error, uint32_t code)
{
    struct connection *connection = stream->connection;
    struct h2_stream *handle = stream->handle;

    front_stream_end(stream, error);
    h2_reset(handle, code);
    front_h2_wake(connection);
}
