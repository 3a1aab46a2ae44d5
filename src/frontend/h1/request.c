/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client, reading: heads become exchanges, bodies go into their pipes. */
#include "h1/h1_internal.h"

/* Body bytes that are moved in one step. */
#define BODY_STEP EXCHANGE_PIPE_LIMIT
/* Bytes of a wrong request line that are kept for the log. */
#define LINE_SHOWN 4096

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

/* ---- an exchange ---- */

static struct exchange *take_exchange(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    if (h1->exchange)
        return h1->exchange;
    h1->exchange = connection_new_exchange(connection, &front_h1_exchange_front, connection);
    h1->exchange->is_pipelined = h1->is_pipelined;
    h1->is_pipelined = false;
    return h1->exchange;
}

static void enter_exchange(struct connection *connection, enum front_h1_state state)
{
    double now = connection_now(connection);

    connection_count_request(connection, connection->h1.exchange);
    connection->limits.phase_due = 0;
    front_h1_set_state(connection, state);
    if (!connection->peer_ended)
        return;
    connection->limits.peer_due = now + LIMIT_PEER_CHECK;
    limits_arm(&connection->limits, now);
}

/* ---- refusing ---- */

static enum close_reason why_refused(enum error error)
{
    if (error == ERROR_HEADER_TIMEOUT)
        return CLOSE_HEADER_TIMEOUT;
    return error == ERROR_BODY_TIMEOUT ? CLOSE_BODY_TIMEOUT : CLOSE_REQUEST_REFUSED;
}

void front_h1_note_line(struct connection *connection)
{
    struct exchange *exchange = take_exchange(connection);
    size_t len = connection->in.len < LINE_SHOWN ? connection->in.len : LINE_SHOWN;
    size_t line = 0;
    char *text;

    if (exchange->request.line.len > 0 || len == 0)
        return;
    text = arena_alloc(&exchange->arena, len);
    chain_peek(&connection->in, 0, text, len);
    while (line < len && text[line] != '\r' && text[line] != '\n')
        line++;
    exchange->request.line = (struct slice){text, line};
    exchange->request_bytes += connection->in.len;
}

void front_h1_refuse(struct connection *connection, enum error error)
{
    struct front_h1_side *h1 = &connection->h1;

    limits_body_stop(&connection->limits);
    h1->last = why_refused(error);
    if (front_h1_is(connection, FRONT_H1_READS_HEAD)) {
        front_h1_note_line(connection);
        enter_exchange(connection, FRONT_H1_REFUSED);
        connection_attend(connection, h1->exchange);
    } else {
        front_h1_drop_request(connection);
    }
    if (h1->state != FRONT_H1_COMPLETE)
        dispatch_refuse(h1->exchange, error);
    front_h1_update_reading(connection);
}

/* ---- bodies ---- */

/* more: bytes of the body besides those that were passed on. */
static bool is_too_large(const struct connection *connection, uint64_t more)
{
    const struct exchange *exchange = connection->h1.exchange;

    return dispatch_body_is_too_large(exchange, front_h1_settings(connection),
                                      exchange->request_body.passed + more);
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
    front_h1_start_body_clock(connection);
}

static void end_body(struct connection *connection)
{
    limits_body_stop(&connection->limits);
    front_h1_end_request(connection);
    exchange_end_request(connection->h1.exchange, PIPE_ENDED);
}

/* Whether the exchange takes bytes (again). While it does not, the client's clock stands. */
static bool has_room(struct connection *connection)
{
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    if (!exchange_pipe_has_room(&connection->h1.exchange->request_body)) {
        limits_body_pause(limits, now);
        return false;
    }
    if (limits->body_paused > 0) {
        limits_body_resume(limits, now);
        limits_arm(limits, now);
    }
    return true;
}

/* Hands bytes on; returns whether there is room for more. */
static bool push(struct connection *connection, struct chain *bytes)
{
    if (exchange_push_request(connection->h1.exchange, bytes))
        return true;
    limits_body_pause(&connection->limits, connection_now(connection));
    return false;
}

/* One step; returns whether another one may find more. */
static bool read_body_step(struct connection *connection, const struct h1_limits *limits)
{
    struct front_h1_side *h1 = &connection->h1;
    struct chain *in = &connection->in;
    size_t before = in->len;
    bool goes_on = true;
    struct chain body;
    int verdict;

    chain_init(&body, in->pool);
    verdict = h1_read_body(
        &h1->body, in, limits,
        &(struct h1_body_sink){&body, BODY_STEP, &h1->exchange->request_body.trailers});
    note_progress(connection, before - in->len);
    if (verdict >= 0 && is_too_large(connection, body.len + h1_body_announced(&h1->body)))
        verdict = ERROR_BODY_TOO_LARGE;
    if (verdict < 0) {
        chain_clear(&body);
        front_h1_refuse(connection, (enum error)verdict);
        return false;
    }
    if (body.len > 0)
        goes_on = push(connection, &body);
    /* The response may have broken off meanwhile. */
    if (!front_h1_is(connection, FRONT_H1_READS_BODY))
        return false;
    if (verdict == H1_DONE) {
        end_body(connection);
        return false;
    }
    return goes_on && in->len > 0 && in->len < before;
}

static void read_body(struct connection *connection)
{
    struct h1_limits limits;

    if (!has_room(connection) || connection->in.len == 0)
        return;
    limits = head_limits(connection);
    while (read_body_step(connection, &limits))
        ;
}

static void read_tunnel(struct connection *connection)
{
    if (!has_room(connection) || connection->in.len == 0)
        return;
    connection->h1.exchange->request_bytes += connection->in.len;
    push(connection, &connection->in);
}

void front_h1_pass_end(struct connection *connection)
{
    if (!connection->peer_ended || connection->in.len > 0 ||
        !front_h1_is(connection, FRONT_H1_READS_TUNNEL))
        return;
    front_h1_end_request(connection);
    exchange_end_request(connection->h1.exchange, PIPE_ENDED);
}

/* ---- heads ---- */

static void start_body(struct connection *connection)
{
    if (connection->h1.sends_body)
        front_h1_start_body_clock(connection);
    read_body(connection);
}

static void start_exchange(struct connection *connection, const struct h1_head_facts *facts)
{
    struct front_h1_side *h1 = &connection->h1;
    struct exchange *exchange = h1->exchange;
    bool has_body = facts->framing == H1_LENGTH || facts->framing == H1_CHUNKED;

    h1_body_start(&h1->body, facts);
    h1->last = facts->keep_alive ? CLOSE_NONE : CLOSE_CLIENT_ASKED;
    h1->sends_body = !exchange->request.expects_continue;
    exchange->request_bytes = facts->head_bytes;
    enter_exchange(connection, has_body ? FRONT_H1_UPLOAD : FRONT_H1_AWAIT);
    if (!has_body)
        exchange_end_request(exchange, PIPE_ENDED);
    connection_dispatch(connection, exchange);
    if (front_h1_is(connection, FRONT_H1_READS_BODY))
        start_body(connection);
}

/* A client that sends requests and reads no responses waits for itself. */
static void await_room(struct connection *connection)
{
    if (connection->h1.state != FRONT_H1_IDLE)
        return;
    front_h1_set_state(connection, FRONT_H1_HEAD);
    connection_stop_timeout(connection);
}

void front_h1_await_head(struct connection *connection)
{
    bool is_first = connection->h1.state == FRONT_H1_IDLE;

    chain_compact(&connection->in);
    if (is_first)
        front_h1_set_state(connection, FRONT_H1_HEAD);
    if (is_first || connection->limits.phase_due <= 0)
        connection_set_timeout(connection, front_h1_settings(connection)->client_header_timeout);
}

/* Whether nothing has come but the empty lines that some clients send behind a body (RFC 9112
 * section 2.2); they begin no request. */
static bool has_only_blanks(const struct connection *connection)
{
    const struct chain *in = &connection->in;
    char byte = '\r';

    if (connection->h1.head.lines > 0 || in->len > 1)
        return false;
    if (in->len == 1)
        chain_peek(in, 0, &byte, 1);
    return byte == '\r';
}

static void stay_idle(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;

    exchange_close(h1->exchange);
    h1->exchange = NULL;
    if (h1->state == FRONT_H1_IDLE)
        return;
    front_h1_set_state(connection, FRONT_H1_IDLE);
    connection_set_timeout(
        connection,
        connection_idle_time(connection, front_h1_settings(connection)->keepalive_timeout));
}

static void read_head(struct connection *connection)
{
    struct front_h1_side *h1 = &connection->h1;
    struct h1_limits limits;
    struct h1_head_facts facts;
    struct exchange *exchange;
    size_t before = connection->in.len;
    int verdict;

    if (before == 0)
        return;
    if (!connection_takes_requests(connection)) {
        connection_leave(connection, connection_must_end(connection));
        return;
    }
    if (stream_is_full(connection->stream)) {
        await_room(connection);
        return;
    }
    limits = head_limits(connection);
    exchange = take_exchange(connection);
    verdict =
        h1_read_request(&h1->head, &connection->in, &limits,
                        &(struct h1_request_sink){&exchange->arena, &exchange->request, &facts});
    if (verdict < 0) {
        exchange->request_bytes = before - connection->in.len;
        front_h1_refuse(connection, (enum error)verdict);
    } else if (verdict == H1_DONE) {
        start_exchange(connection, &facts);
    } else if (connection->peer_ended) {
        connection_leave(connection, CLOSE_CLIENT_CLOSED);
    } else if (connection->requests > 0 && has_only_blanks(connection)) {
        stay_idle(connection);
    } else {
        front_h1_await_head(connection);
    }
}

/* ---- what has been read ---- */

static void take_what_is_here(struct connection *connection)
{
    if (front_h1_is(connection, FRONT_H1_READS_HEAD)) {
        read_head(connection);
    } else if (front_h1_is(connection, FRONT_H1_READS_BODY)) {
        read_body(connection);
    } else if (front_h1_is(connection, FRONT_H1_DROPS)) {
        chain_clear(&connection->in);
    } else if (front_h1_is(connection, FRONT_H1_READS_TUNNEL)) {
        read_tunnel(connection);
        front_h1_pass_end(connection);
    }
}

void front_h1_advance(struct connection *connection)
{
    take_what_is_here(connection);
    if (connection->h1.state == FRONT_H1_GONE)
        return;
    chain_compact(&connection->in);
    front_h1_update_reading(connection);
}
