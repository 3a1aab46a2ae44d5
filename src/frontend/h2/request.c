/* SPDX-License-Identifier: MIT */
/* HTTP/2 towards the client, reading: the session's events become exchanges. What the client may
 * send again is what has left the request's pipe, no more. */
#include "h2/h2_internal.h"

/* ---- dispatch ---- */

static void end_if_last(struct front_stream *stream)
{
    struct connection *connection = stream->connection;
    enum close_reason reason = connection_must_end(connection);

    if (reason == CLOSE_NONE &&
        connection->requests >= front_h2_settings(stream)->keepalive_requests)
        reason = CLOSE_KEEPALIVE_REQUESTS;
    if (reason != CLOSE_NONE)
        front_h2_begin_goaway(connection, reason);
}

static bool is_too_large(const struct front_stream *stream, uint64_t bytes)
{
    return dispatch_body_is_too_large(stream->exchange, front_h2_settings(stream), bytes);
}

/* At the turn's end rather than in the session's event: a request that is cancelled in the same
 * breath costs the backend nothing (CVE-2023-44487). */
void front_h2_dispatch(struct front_stream *stream)
{
    struct exchange *exchange = stream->exchange;

    if (!connection_takes_requests(stream->connection)) {
        front_stream_reset(stream, ERROR_DRAINING, H2_REFUSED_STREAM);
        return;
    }
    stream->is_dispatched = true;
    connection_dispatch(stream->connection, exchange);
    front_stream_give_back(stream);
    if (!exchange->response_started && is_too_large(stream, exchange->request_body.passed))
        front_stream_refuse(stream, ERROR_BODY_TOO_LARGE);
    else if (stream->sends_body)
        front_h2_start_body_clock(stream);
    end_if_last(stream);
}

/* ---- the session's events ---- */

static bool on_begin(void *owner, struct h2_stream *handle, struct h2_target *target)
{
    struct connection *connection = owner;
    struct front_stream *stream;

    if (!connection_takes_requests(connection))
        return false;
    stream = front_stream_new(connection, handle, &front_h2_exchange_front);
    *target = (struct h2_target){.object = stream,
                                 .arena = &stream->exchange->arena,
                                 .request = &stream->exchange->request,
                                 .trailers = &stream->exchange->request_body.trailers};
    return true;
}

static void on_request(void *object, bool ends)
{
    struct front_stream *stream = object;
    struct exchange *exchange = stream->exchange;
    bool is_connect = exchange->request.method == METHOD_CONNECT;

    connection_count_request(stream->connection, stream->exchange);
    front_stream_set_request(stream, STREAM_REQUEST_BODY);
    stream->sends_body = !ends && !exchange->request.expects_continue && !is_connect;
    exchange->request_bytes = h2_stream_received(stream->handle);
    if (is_connect && !front_h2_websocket_request(stream))
        front_stream_refuse(stream, ERROR_METHOD);
    else
        front_h2_set_due(stream);
}

static void on_refused(void *object, enum error error)
{
    struct front_stream *stream = object;

    connection_count_request(stream->connection, stream->exchange);
    front_stream_refuse(stream, error);
    end_if_last(stream);
}

static void start_sending(struct front_stream *stream)
{
    if (stream->sends_body || stream->exchange->is_tunnel)
        return;
    stream->sends_body = true;
    front_h2_start_body_clock(stream);
}

static void on_data(void *object, struct chain *bytes)
{
    struct front_stream *stream = object;
    struct exchange *exchange = stream->exchange;
    struct exchange_pipe *pipe = &exchange->request_body;

    exchange->request_bytes = h2_stream_received(stream->handle);
    stream->body.last = connection_now(stream->connection);
    /* What is left in the chain is given back by the session. */
    if (stream->request != STREAM_REQUEST_BODY || pipe->discards || pipe->state != PIPE_OPEN)
        return;
    start_sending(stream);
    if (stream->is_dispatched && !exchange->is_tunnel &&
        is_too_large(stream, pipe->passed + bytes->len)) {
        front_stream_refuse(stream, ERROR_BODY_TOO_LARGE);
        return;
    }
    exchange_push_request(exchange, bytes);
    front_stream_give_back(stream);
}

static void on_end(void *object)
{
    struct front_stream *stream = object;

    stream->body.from = 0;
    if (stream->request != STREAM_REQUEST_BODY)
        return;
    front_stream_set_request(stream, STREAM_REQUEST_ENDED);
    exchange_end_request(stream->exchange, PIPE_ENDED);
}

static void on_abandoned(void *object)
{
    struct front_stream *stream = object;

    stream->body.from = 0;
    front_stream_set_request(stream, STREAM_REQUEST_DROPPED);
    exchange_discard_request(stream->exchange);
}

static void on_closed(void *object, const struct h2_closing *closing)
{
    front_stream_end(object, closing->error);
}

static void on_pong(void *owner)
{
    struct connection *connection = owner;

    if (connection->h2->goaway == GOAWAY_ANNOUNCED)
        front_h2_finish_goaway(connection, connection->h2->last);
}

const struct h2_events front_h2_server_events = {.on_begin = on_begin,
                                                 .on_request = on_request,
                                                 .on_refused = on_refused,
                                                 .on_data = on_data,
                                                 .on_end = on_end,
                                                 .on_abandoned = on_abandoned,
                                                 .on_read = front_h2_on_read,
                                                 .on_closed = on_closed,
                                                 .on_pong = on_pong};
