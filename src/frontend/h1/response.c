/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client, writing: what the exchange tells becomes bytes in the stream. */
#include "h1/h1_internal.h"

/* Bytes that are taken from the exchange at once. */
#define TAKE_STEP STREAM_QUEUE

static void write_counted(struct connection *connection, struct chain *out)
{
    connection->h1.exchange->response_bytes += out->len;
    connection_write(connection, out, front_h1_settings(connection)->send_timeout);
}

/* ---- heads ---- */

/* Whether the request leaves the connection where the next one can start. */
static bool request_allows_next(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    if (h1->state != FRONT_H1_UPLOAD)
        return true;
    /* A client that waits for 100 may or may not send the body after a final response: what comes
     * next could be either (RFC 9110 section 10.1.1). */
    if (!h1->sends_body)
        return false;
    return !h1->exchange->request_body.discards || front_h1_can_discard(connection);
}

/* Why the response, which is about to start, is the last; CLOSE_NONE: it need not be. */
static enum close_reason why_last(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;
    const struct config_settings *settings = front_h1_settings(connection);
    enum close_reason must_end = connection_must_end(connection);

    if (h1->last != CLOSE_NONE)
        return h1->last;
    if (h1->exchange->is_tunnel)
        return CLOSE_TUNNEL_END;
    if (must_end != CLOSE_NONE)
        return must_end;
    if (settings->keepalive_timeout <= 0)
        return CLOSE_KEEPALIVE_OFF;
    if (connection->requests >= settings->keepalive_requests)
        return CLOSE_KEEPALIVE_REQUESTS;
    return request_allows_next(connection) ? CLOSE_NONE : CLOSE_REQUEST_UNREAD;
}

static void write_head(struct connection *connection, struct exchange *exchange)
{
    struct front_h1_side *h1 = &connection->h1;
    const struct http_request *request = &exchange->request;
    struct h1_response_options options = {
        /* A head that could not be read has none; its sender gets the newest. */
        .version = request->version == HTTP_1_0 ? HTTP_1_0 : HTTP_1_1,
        .method = request->method,
        .keep_alive = h1->last == CLOSE_NONE,
    };
    struct chain out;

    chain_init(&out, connection->in.pool);
    h1->framing = h1_write_response(&out, &exchange->response, &options,
                                    (int64_t)loop_wall(connection_loop(connection)));
    write_counted(connection, &out);
}

static void on_interim(struct connection *connection, struct exchange *exchange)
{
    struct front_h1_side *h1 = &connection->h1;

    if (exchange->request.version == HTTP_1_0)
        return;
    write_head(connection, exchange);
    if (exchange->response.status != 100 || h1->sends_body || h1->state != FRONT_H1_UPLOAD)
        return;
    h1->sends_body = true;
    front_h1_start_body_clock(connection);
}

static void start_tunnel(struct connection *connection)
{
    connection->h1.framing = H1_UNTIL_CLOSE;
    exchange_reopen_request(connection->h1.exchange);
    connection->limits.peer_due = 0;
    front_h1_set_state(connection, FRONT_H1_TUNNEL);
    connection_defer(connection);
}

static void on_response(void *front, struct exchange *exchange)
{
    struct connection *connection = front;
    struct front_h1_side *h1 = &connection->h1;

    if (!front_h1_is(connection, FRONT_H1_AWAITS))
        return;
    if (!exchange->response_started) {
        on_interim(connection, exchange);
        return;
    }
    if (exchange->request_body.discards)
        limits_body_stop(&connection->limits);
    else
        limits_body_ease(&connection->limits);
    h1->last = why_last(connection);
    exchange->is_last = h1->last != CLOSE_NONE;
    write_head(connection, exchange);
    if (h1->framing == H1_UNTIL_CLOSE && h1->last == CLOSE_NONE)
        h1->last = CLOSE_RESPONSE_END;
    if (exchange->is_tunnel)
        start_tunnel(connection);
    else
        front_h1_begin_response(connection);
    front_h1_pump(connection);
}

void front_h1_write_continue(struct connection *connection)
{
    struct chain out;

    chain_init(&out, connection->in.pool);
    chain_append_slice(&out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    write_counted(connection, &out);
}

/* ---- bodies ---- */

static void take_body(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;
    struct chain body, out;
    size_t taken;

    chain_init(&body, connection->in.pool);
    chain_init(&out, connection->in.pool);
    while (!stream_is_full(connection->stream) &&
           (taken = exchange_take_response(exchange, &body, TAKE_STEP)) > 0) {
        if (h1->framing == H1_NO_BODY) {
            chain_clear(&body);
            continue;
        }
        exchange->response_body_bytes += taken;
        h1_write_body(&out, &body, h1->framing);
        write_counted(connection, &out);
    }
}

static void end_response(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct chain out;

    chain_init(&out, connection->in.pool);
    h1_write_end(&out, h1->framing, &h1->exchange->response_body.trailers);
    write_counted(connection, &out);
    if (h1->exchange->is_tunnel)
        stream_end(connection->stream);
    front_h1_end_response(connection);
}

/* What ends the exchange is done at the turn's end: this runs inside the exchange's calls. */
void front_h1_pump(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    const struct exchange_pipe *pipe = &h1->exchange->response_body;
    bool is_sending = front_h1_is(connection, FRONT_H1_SENDS);

    if (h1->is_pumping || (!is_sending && !front_h1_is(connection, FRONT_H1_AWAITS)))
        return;
    if (is_sending) {
        h1->is_pumping = true;
        take_body(connection);
        h1->is_pumping = false;
    }
    if (pipe->state == PIPE_BROKEN) {
        front_h1_set_state(connection, FRONT_H1_BROKEN);
        connection_defer(connection);
    } else if (is_sending && exchange_pipe_is_done(pipe)) {
        end_response(connection);
    }
}

static void on_body(void *front, struct exchange *exchange)
{
    (void)exchange;
    front_h1_pump(front);
}

static void on_room(void *front, struct exchange *exchange)
{
    struct connection *connection = front;

    if (front_h1_is(connection, FRONT_H1_READS_BODY) || exchange->is_tunnel)
        connection_defer(connection);
}

const struct exchange_front front_h1_exchange_front = {
    .on_response = on_response, .on_body = on_body, .on_room = on_room};
