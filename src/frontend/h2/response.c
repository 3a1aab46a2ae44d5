/* SPDX-License-Identifier: MIT */
/* HTTP/2 towards the client, writing: what the exchange tells becomes frames. The session asks for
 * bodies when a frame of them is due. */
#include "h2/h2_internal.h"

static int64_t wall(const struct front_stream *stream)
{
    return (int64_t)loop_wall(connection_loop(stream->connection));
}

static void send_interim(struct front_stream *stream, const struct http_response *response)
{
    h2_send_response(stream->handle, response, false, wall(stream));
    connection_defer(stream->connection);
    if (response->status != 100 || stream->sends_body || stream->request != STREAM_REQUEST_BODY)
        return;
    stream->sends_body = true;
    front_h2_start_body_clock(stream);
}

/* The backend switched to something that is not WebSocket. */
static void refuse_switch(struct front_stream *stream)
{
    static const struct http_response bad_gateway = {.status = 502};

    front_stream_set_request(stream, STREAM_REQUEST_DROPPED);
    front_stream_set_response(stream, STREAM_RESPONSE_ENDED);
    h2_send_response(stream->handle, &bad_gateway, true, wall(stream));
    connection_defer(stream->connection);
    dispatch_refuse(stream->exchange, ERROR_RESPONSE);
}

static void on_response(void *front, struct exchange *exchange)
{
    struct front_stream *stream = front;

    if (stream->response != STREAM_RESPONSE_AWAITED)
        return;
    if (!exchange->response_started) {
        send_interim(stream, &exchange->response);
        return;
    }
    stream->body.from = 0;
    if (exchange->is_tunnel && !front_h2_websocket_response(stream)) {
        refuse_switch(stream);
        return;
    }
    if (!exchange->is_tunnel && exchange->request.upgrade.len > 0)
        exchange_end_request(exchange, PIPE_ENDED);
    front_stream_set_response(stream, STREAM_RESPONSE_HEAD);
    front_h2_set_due(stream);
}

static void on_body(void *front, struct exchange *exchange)
{
    struct front_stream *stream = front;
    bool is_broken = exchange->response_body.state == PIPE_BROKEN;

    if (stream->response == STREAM_RESPONSE_BODY) {
        if (exchange->request_body.discards)
            h2_discard(stream->handle);
        h2_resume(stream->handle);
        connection_defer(stream->connection);
    } else if (stream->response == STREAM_RESPONSE_AWAITED && is_broken) {
        front_stream_set_response(stream, STREAM_RESPONSE_BROKEN);
        front_h2_set_due(stream);
    }
}

static void on_room(void *front, struct exchange *exchange)
{
    (void)exchange;
    front_stream_give_back(front);
}

const struct exchange_front front_h2_exchange_front = {
    .on_response = on_response, .on_body = on_body, .on_room = on_room};

/* ---- what the session takes ---- */

/* Whether the head says it all, so that END_STREAM can go with it. */
static bool is_head_all(const struct exchange *exchange)
{
    const struct exchange_pipe *pipe = &exchange->response_body;

    if (exchange->is_tunnel)
        return false;
    return !exchange->response.has_body ||
           (exchange_pipe_is_done(pipe) && pipe->trailers.count == 0);
}

void front_h2_answer(struct front_stream *stream)
{
    const struct exchange *exchange = stream->exchange;

    if (stream->response == STREAM_RESPONSE_BROKEN) {
        front_stream_reset(stream, ERROR_SYSTEM, H2_INTERNAL_ERROR);
        return;
    }
    if (stream->response != STREAM_RESPONSE_HEAD)
        return;
    front_stream_set_response(stream, STREAM_RESPONSE_BODY);
    if (exchange->request_body.discards)
        h2_discard(stream->handle);
    h2_send_response(stream->handle, &exchange->response, is_head_all(exchange), wall(stream));
    front_h2_start_send_clock(stream);
}

enum h2_read front_h2_on_read(void *object, struct chain *to, size_t max,
                              const struct http_fields **trailers)
{
    struct front_stream *stream = object;
    struct exchange *exchange = stream->exchange;
    const struct exchange_pipe *pipe = &exchange->response_body;
    size_t taken = exchange_take_response(exchange, to, max);

    exchange->response_body_bytes += taken;
    if (exchange_pipe_is_done(pipe)) {
        front_stream_set_response(stream, STREAM_RESPONSE_ENDED);
        if (exchange->is_tunnel)
            front_h2_start_tunnel_clock(stream);
        *trailers = &pipe->trailers;
        return H2_READ_END;
    }
    if (taken > 0)
        return H2_READ_MORE;
    if (pipe->state != PIPE_BROKEN)
        return H2_READ_WAIT;
    if (exchange->reset_code != 0)
        h2_set_broken_code(stream->handle, exchange->reset_code);
    return H2_READ_BROKEN;
}
