/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client, reading: heads become exchanges, bodies go into their pipes. */
#include "connection_internal.h"

/* Body bytes that are moved in one step. */
#define BODY_STEP EXCHANGE_PIPE_LIMIT

/* Before the request is read nobody knows its server, so that the default server's limits apply, as
 * in nginx. */
static struct h1_limits head_limits(const struct connection *connection)
{
    const struct config_settings *settings = connection_default_settings(connection);
    uint64_t head = (uint64_t)settings->header_buffers * settings->header_buffer_size;
    uint32_t line = settings->header_buffer_size;

    return (struct h1_limits){.line_max = line < LIMIT_HEAD ? line : LIMIT_HEAD,
                              .head_max = head < LIMIT_HEAD ? (uint32_t)head : LIMIT_HEAD,
                              .fields_max = LIMIT_FIELDS};
}

static void set_phase(struct connection *connection, double seconds)
{
    double now = connection_now(connection);

    connection->limits.phase_due = seconds > 0 ? now + seconds : 0;
    limits_arm(&connection->limits, now);
}

/* ---- heads ---- */

static struct exchange *take_exchange(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    if (!h1->exchange)
        h1->exchange = exchange_new(&connection_frontend(connection)->exchanges,
                                    &front_h1_exchange_front, connection, &connection->client);
    return h1->exchange;
}

static void enter_exchange(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;

    connection->requests++;
    connection->listener->tenant->requests++;
    connection->limits.phase_due = 0;
    exchange->connection_requests = connection->requests;
    exchange->started = connection_now(connection);
    h1->response = RESPONSE_AWAITED;
    h1->peer_asked = false;
    connection_set_state(connection, CONNECTION_EXCHANGE);
    if (!h1->peer_ended)
        return;
    connection->limits.peer_due = exchange->started + LIMIT_PEER_CHECK;
    limits_arm(&connection->limits, exchange->started);
}

static void start_dispatch(struct connection *connection)
{
    struct front_listener *listener = connection->listener;
    struct stream *stream = connection->stream;
    struct dispatch_origin origin = {.tenant = listener->tenant->tenant,
                                     .listener = listener->current};

    if (connection->client.is_tls) {
        origin.handshake = tls_chosen_server(stream);
        origin.sent_server_name = connection->client.tls_server_name.len > 0;
    }
    dispatch_start(connection->h1.exchange, connection_frontend(connection)->config.backends,
                   &origin);
}

/* The clock of a body that the client sends and somebody waits for. */
static void start_body_clock(struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;
    double now = connection_now(connection);

    if (exchange->request_body.discards)
        return;
    limits_body_start(&connection->limits, now,
                      connection_settings(connection)->client_body_timeout,
                      stream_bytes_in(connection->stream));
    if (exchange->response_started)
        limits_body_ease(&connection->limits);
    limits_arm(&connection->limits, now);
}

static void start_body(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    const struct exchange *exchange = h1->exchange;
    const struct config_settings *settings = connection_settings(connection);
    uint64_t max = settings->client_max_body_size;

    if (!exchange->response_started && max > 0 && exchange->request.content_length > 0 &&
        (uint64_t)exchange->request.content_length > max) {
        front_h1_refuse(connection, ERROR_BODY_TOO_LARGE);
        return;
    }
    if (h1->sends_body)
        start_body_clock(connection);
    front_h1_read_request_body(connection);
}

static void start_exchange(struct connection *connection, const struct h1_head_facts *facts)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;
    bool has_body = facts->framing == H1_LENGTH || facts->framing == H1_CHUNKED;

    h1_body_start(&h1->body, facts);
    h1->keep_alive = facts->keep_alive;
    h1->request = has_body ? REQUEST_READING : REQUEST_DONE;
    h1->sends_body = !exchange->request.expects_continue;
    exchange->request_bytes = facts->head_bytes;
    enter_exchange(connection);
    if (!has_body)
        exchange_end_request(exchange, PIPE_ENDED);
    start_dispatch(connection);
    if (has_body)
        start_body(connection);
}

/* Waits for the rest of a head, or (0) for room to answer it. */
static void wait_for_head(struct connection *connection, double timeout)
{
    if (connection->state == CONNECTION_IDLE)
        connection_set_state(connection, CONNECTION_HEAD);
    else if (connection->limits.phase_due > 0)
        return;
    set_phase(connection, timeout);
}

void front_h1_await_head(struct connection *connection)
{
    chain_compact(&connection->h1.in);
    wait_for_head(connection, connection_settings(connection)->client_header_timeout);
}

/* Whether nothing has come but the empty lines that some clients send behind a body (RFC 9112
 * section 2.2); they begin no request. */
static bool has_only_blanks(const struct connection *connection)
{
    const struct front_h1_side *h1 = &connection->h1;
    char byte = '\r';

    if (h1->head.lines > 0 || h1->in.len > 1)
        return false;
    if (h1->in.len == 1)
        chain_peek(&h1->in, 0, &byte, 1);
    return byte == '\r';
}

static void stay_idle(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    exchange_close(h1->exchange);
    h1->exchange = NULL;
    if (connection->state == CONNECTION_IDLE)
        return;
    connection_set_state(connection, CONNECTION_IDLE);
    set_phase(connection,
              connection_idle_time(connection, connection_settings(connection)->keepalive_timeout));
}

void front_h1_read_head(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct h1_limits limits;
    struct h1_head_facts facts;
    struct exchange *exchange;
    int verdict;

    if (h1->in.len == 0)
        return;
    if (!connection_takes_requests(connection)) {
        front_h1_leave(connection, ERROR_NONE);
        return;
    }
    /* A client that sends requests and reads no responses waits for itself. */
    if (stream_is_full(connection->stream)) {
        wait_for_head(connection, 0);
        return;
    }
    limits = head_limits(connection);
    exchange = take_exchange(connection);
    verdict =
        h1_read_request(&h1->head, &h1->in, &limits, &exchange->arena, &exchange->request, &facts);
    if (verdict < 0) {
        front_h1_refuse(connection, (enum error)verdict);
    } else if (verdict == H1_DONE) {
        start_exchange(connection, &facts);
    } else if (h1->peer_ended) {
        front_h1_leave(connection, ERROR_CLIENT_GONE);
    } else if (connection->requests > 0 && has_only_blanks(connection)) {
        stay_idle(connection);
    } else {
        front_h1_await_head(connection);
    }
}

/* ---- bodies ---- */

static bool is_too_large(const struct connection *connection, uint64_t more)
{
    const struct exchange *exchange = connection->h1.exchange;
    uint64_t max = connection_settings(connection)->client_max_body_size;

    return max > 0 && !exchange->request_body.discards &&
           exchange->request_body.passed + more > max;
}

static void note_progress(struct connection *connection, size_t bytes)
{
    struct front_h1_side *h1 = &connection->h1;
    double now = connection_now(connection);

    if (bytes == 0)
        return;
    h1->exchange->request_bytes += bytes;
    limits_body_read(&connection->limits, now);
    if (h1->sends_body)
        return;
    h1->sends_body = true;
    start_body_clock(connection);
}

static void end_body(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    h1->request = REQUEST_DONE;
    limits_body_stop(&connection->limits);
    exchange_end_request(h1->exchange, PIPE_ENDED);
    if (h1->response == RESPONSE_DONE)
        loop_defer(connection_frontend(connection)->config.loop, &connection->task);
}

/* Whether the exchange takes bytes (again). */
static bool unblock(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    double now = connection_now(connection);

    if (h1->request == REQUEST_READING)
        return true;
    if (!exchange_pipe_has_room(&h1->exchange->request_body))
        return false;
    h1->request = REQUEST_READING;
    limits_body_resume(&connection->limits, now);
    limits_arm(&connection->limits, now);
    return true;
}

static void block(struct connection *connection)
{
    connection->h1.request = REQUEST_BLOCKED;
    limits_body_pause(&connection->limits, connection_now(connection));
}

/* One step; returns whether another one may find more. */
static bool read_body_step(struct connection *connection, const struct h1_limits *limits)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;
    size_t before = h1->in.len;
    bool has_room = true;
    struct chain body;
    int verdict;

    chain_init(&body, h1->in.pool);
    verdict = h1_read_body(&h1->body, &h1->in, &body, BODY_STEP, limits,
                           &exchange->request_body.trailers);
    note_progress(connection, before - h1->in.len);
    if (verdict >= 0 && is_too_large(connection, body.len + h1_body_announced(&h1->body)))
        verdict = ERROR_BODY_TOO_LARGE;
    if (verdict < 0) {
        chain_clear(&body);
        front_h1_refuse(connection, (enum error)verdict);
        return false;
    }
    if (body.len > 0)
        has_room = exchange_push_request(exchange, &body);
    if (verdict == H1_DONE) {
        end_body(connection);
        return false;
    }
    if (!has_room)
        block(connection);
    return has_room && h1->in.len > 0 && h1->in.len < before;
}

void front_h1_read_request_body(struct connection *connection)
{
    struct h1_limits limits;

    if (!unblock(connection) || connection->h1.in.len == 0)
        return;
    limits = head_limits(connection);
    while (read_body_step(connection, &limits))
        ;
}

void front_h1_read_tunnel(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    if (!unblock(connection) || h1->in.len == 0)
        return;
    h1->exchange->request_bytes += h1->in.len;
    if (!exchange_push_request(h1->exchange, &h1->in))
        block(connection);
}

/* ---- refusing ---- */

void front_h1_refuse(struct connection *connection, enum error error)
{
    struct front_h1_side *h1 = &connection->h1;

    limits_body_stop(&connection->limits);
    if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD) {
        take_exchange(connection);
        h1->request = REQUEST_READING;
        enter_exchange(connection);
    }
    h1->keep_alive = false;
    if (h1->request != REQUEST_DONE)
        h1->request = REQUEST_ABANDONED;
    if (h1->response == RESPONSE_DONE)
        loop_defer(connection_frontend(connection)->config.loop, &connection->task);
    else
        dispatch_refuse(h1->exchange, error);
    front_h1_update_reading(connection);
}
