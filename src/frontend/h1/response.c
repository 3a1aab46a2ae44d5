/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client, writing: what the exchange tells becomes bytes in the stream. */
#include "connection_internal.h"

/* Bytes that are taken from the exchange at once. */
#define TAKE_STEP STREAM_QUEUE

static struct loop *loop_of(const struct connection *connection)
{
    return connection_frontend(connection)->config.loop;
}

static void write_counted(struct connection *connection, struct chain *out)
{
    connection->h1.exchange->response_bytes += out->len;
    connection_write(connection, out);
}

/* ---- heads ---- */

/* Whether the request leaves the connection where the next one can start. */
static bool request_allows_next(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;

    switch (h1->request) {
    case REQUEST_DONE:
        return true;
    case REQUEST_ABANDONED:
        return false;
    case REQUEST_READING:
    case REQUEST_BLOCKED:
        break;
    }
    /* A client that waits for 100 may or may not send the body after a final response: what comes
     * next could be either (RFC 9110 section 10.1.1). */
    if (!h1->sends_body)
        return false;
    return !h1->exchange->request_body.discards || front_h1_can_discard(connection);
}

static bool may_keep(const struct connection *connection)
{
    const struct config_settings *settings = connection_settings(connection);

    return connection->h1.keep_alive && !connection_must_end(connection) &&
           settings->keepalive_timeout > 0 && connection->requests < settings->keepalive_requests &&
           request_allows_next(connection);
}

static void write_head(struct connection *connection, struct exchange *exchange)
{
    struct front_h1_side *h1 = &connection->h1;
    const struct http_request *request = &exchange->request;
    struct h1_response_options options = {
        /* A head that could not be read has none; its sender gets the newest. */
        .version = request->version == HTTP_1_0 ? HTTP_1_0 : HTTP_1_1,
        .method = request->method,
        .keep_alive = h1->keep_alive,
    };
    struct chain out;

    chain_init(&out, h1->in.pool);
    h1->framing = h1_write_response(&out, &exchange->response, &options,
                                    (int64_t)loop_wall(loop_of(connection)));
    write_counted(connection, &out);
}

static void on_interim(struct connection *connection, struct exchange *exchange)
{
    struct front_h1_side *h1 = &connection->h1;
    double now = connection_now(connection);

    if (exchange->request.version == HTTP_1_0)
        return;
    write_head(connection, exchange);
    if (exchange->response.status != 100 || h1->sends_body || h1->request != REQUEST_READING)
        return;
    h1->sends_body = true;
    limits_body_start(&connection->limits, now,
                      connection_settings(connection)->client_body_timeout,
                      stream_bytes_in(connection->stream));
    limits_arm(&connection->limits, now);
}

static void start_tunnel(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    h1->framing = H1_UNTIL_CLOSE;
    h1->request = REQUEST_READING;
    exchange_reopen_request(h1->exchange);
    connection->limits.peer_due = 0;
    connection_set_state(connection, CONNECTION_TUNNEL);
    loop_defer(loop_of(connection), &connection->task);
}

static void on_response(void *front, struct exchange *exchange)
{
    struct connection *connection = front;
    struct front_h1_side *h1 = &connection->h1;

    if (h1->response != RESPONSE_AWAITED)
        return;
    if (!exchange->response_started) {
        on_interim(connection, exchange);
        return;
    }
    if (exchange->request_body.discards)
        limits_body_stop(&connection->limits);
    else
        limits_body_ease(&connection->limits);
    h1->keep_alive = !exchange->is_tunnel && may_keep(connection);
    write_head(connection, exchange);
    if (h1->framing == H1_UNTIL_CLOSE)
        h1->keep_alive = false;
    h1->response = RESPONSE_STARTED;
    if (exchange->is_tunnel)
        start_tunnel(connection);
    front_h1_pump(connection);
}

void front_h1_write_continue(struct connection *connection)
{
    struct chain out;

    chain_init(&out, connection->h1.in.pool);
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

    chain_init(&body, h1->in.pool);
    chain_init(&out, h1->in.pool);
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

    chain_init(&out, h1->in.pool);
    h1_write_end(&out, h1->framing, &h1->exchange->response_body.trailers);
    write_counted(connection, &out);
    h1->response = RESPONSE_DONE;
    if (connection->state == CONNECTION_TUNNEL)
        stream_end(connection->stream);
}

/* What ends the exchange is done at the turn's end: this runs inside the exchange's calls. */
void front_h1_pump(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;

    if (h1->is_pumping || h1->response >= RESPONSE_DONE)
        return;
    if (h1->response == RESPONSE_STARTED) {
        h1->is_pumping = true;
        take_body(connection);
        h1->is_pumping = false;
    }
    if (exchange->response_body.state == PIPE_BROKEN)
        h1->response = RESPONSE_BROKEN;
    else if (h1->response == RESPONSE_STARTED && exchange_pipe_is_done(&exchange->response_body))
        end_response(connection);
    if (h1->response >= RESPONSE_DONE)
        loop_defer(loop_of(connection), &connection->task);
}

static void on_body(void *front, struct exchange *exchange)
{
    (void)exchange;
    front_h1_pump(front);
}

static void on_room(void *front, struct exchange *exchange)
{
    struct connection *connection = front;

    (void)exchange;
    if (connection->h1.request == REQUEST_BLOCKED || connection->state == CONNECTION_TUNNEL)
        loop_defer(loop_of(connection), &connection->task);
}

const struct exchange_front front_h1_exchange_front = {
    .on_response = on_response, .on_body = on_body, .on_room = on_room};
