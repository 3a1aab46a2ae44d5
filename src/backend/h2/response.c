/* SPDX-License-Identifier: MIT */
/* A response on its way from the server: interim heads, the head, the body, the end. */
#include "h2/h2_internal.h"

/* Interim responses that one exchange may have, and their bytes together: all are in its arena. */
#define INTERIM_MAX       100
#define INTERIM_BYTES_MAX (64 * 1024)

static void touch(struct back_h2_call *call)
{
    call->read_at = loop_now(call->connection->loop);
}

/* ---- heads ---- */

static size_t bytes_of(const struct http_fields *fields)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        bytes += fields->items[i].name.len + fields->items[i].value.len;
    return bytes;
}

static void take_interim(struct back_h2_call *call)
{
    call->interim_count++;
    call->interim_bytes += bytes_of(&call->exchange->response.fields);
    if (call->interim_count > INTERIM_MAX || call->interim_bytes > INTERIM_BYTES_MAX)
        back_h2_call_fail(call, ERROR_RESPONSE_TOO_LARGE, false);
    else
        exchange_respond(call->exchange);
}

/* The answer to an extended CONNECT: to whoever asked for an upgrade it is a 101 (RFC 8441
 * section 5). */
static void take_switch(struct back_h2_call *call)
{
    struct exchange *exchange = call->exchange;
    exchange->is_tunnel = true;
    exchange->response.status = 101;
    exchange->response.reason = SLICE("Switching Protocols");
    call->receiving = BACK_H2_BODY_DUE;
    back_h2_call_accept_websocket(call);
    exchange_respond(exchange);
    if (call->exchange != exchange)
        return;
    backend_answered(&call->connection->base, exchange, call->asked);
    h2_resume(call->stream);
    back_h2_wake(call->connection);
}

static void take_final(struct back_h2_call *call)
{
    struct exchange *exchange = call->exchange;
    call->receiving = BACK_H2_BODY_DUE;
    call->connection->has_served = true;
    exchange_respond(exchange);
    if (call->exchange == exchange)
        backend_answered(&call->connection->base, exchange, call->asked);
}

void back_h2_call_on_response(void *object, bool ends)
{
    struct back_h2_call *call = object;
    (void)ends;
    if (!call->exchange)
        return;
    touch(call);
    int status = call->exchange->response.status;
    if (status == 101)
        back_h2_call_fail(call, ERROR_RESPONSE, false); /* RFC 9113 section 8.6 */
    else if (status < 200)
        take_interim(call);
    else if (call->is_connect && status < 300)
        take_switch(call);
    else
        take_final(call);
}

/* ---- body ---- */

void back_h2_call_on_data(void *object, struct chain *bytes)
{
    struct back_h2_call *call = object;
    struct exchange *exchange = call->exchange;
    if (!exchange)
        return;
    touch(call);
    exchange_push_response(exchange, bytes);
    if (call->exchange == exchange && call->stream)
        back_h2_call_give_back(call);
}

/* ---- the end ---- */

void back_h2_call_on_end(void *object)
{
    struct back_h2_call *call = object;
    struct exchange *exchange = call->exchange;
    call->receiving = BACK_H2_HEARD;
    if (!exchange)
        return;
    if (!exchange->is_tunnel && call->sending != BACK_H2_SENT)
        exchange_discard_request(exchange);
    if (call->exchange == exchange)
        exchange_end_response(exchange, PIPE_ENDED);
    /* The frontend may have closed by now. A tunnel's other half goes on. */
    if (call->exchange == exchange && (!exchange->is_tunnel || call->sending == BACK_H2_SENT))
        back_h2_call_release(call);
}

/* What a client may hear of the code with which the server broke its response off. The others tell
 * of this connection alone, and REFUSED_STREAM would say that nothing was done. */
static uint32_t code_for_client(const struct h2_closing *closing)
{
    bool is_for_all = closing->code == H2_CANCEL || closing->code == H2_CONNECT_ERROR ||
                      closing->code == H2_ENHANCE_YOUR_CALM;
    return closing->is_by_peer && is_for_all ? closing->code : 0;
}

/* RFC 9113 section 7: it is not said that the request was not processed, but what else could a
 * server mean that wants it by HTTP/1.1. */
static bool demands_http1(const struct back_h2_call *call, const struct h2_closing *closing)
{
    return closing->is_by_peer && closing->code == H2_HTTP_1_1_REQUIRED &&
           call->receiving == BACK_H2_HEAD_DUE;
}

/* The session has no more of it: whatever is missing will not come. */
void back_h2_call_on_closed(void *object, const struct h2_closing *closing)
{
    struct back_h2_call *call = object;
    back_h2_call_note(call);
    call->stream = NULL;
    if (!call->exchange) {
        back_h2_call_settle(call);
        return;
    }
    if (call->receiving == BACK_H2_HEARD && closing->error == ERROR_NONE) {
        back_h2_call_release(call);
        return;
    }
    call->exchange->reset_code = code_for_client(closing);
    if (demands_http1(call, closing)) {
        endpoint_require_http1(call->connection->base.endpoint);
        back_h2_call_fail(call, ERROR_HTTP1_REQUIRED, true);
        return;
    }
    enum error error = call->error != ERROR_NONE ? call->error : closing->error;
    if (error == ERROR_NONE)
        error = ERROR_BACKEND_TRUNCATED;
    back_h2_call_fail(call, error, closing->is_untouched);
}
