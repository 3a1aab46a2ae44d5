/* SPDX-License-Identifier: MIT */
/* Replies that this gateway makes itself: texts, errors, redirects. */
#include "dispatch_internal.h"

#define TEXT_PLAIN SLICE("text/plain")

static bool has_content(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* An add_header Content-Type is meant in place of ours, not beside it. */
static void drop_first(struct http_fields *fields, enum http_field_id id)
{
    if (http_fields_count(fields, id) < 2)
        return;
    uint32_t at = 0;
    while (fields->items[at].id != id)
        at++;
    fields->count--;
    memmove(&fields->items[at], &fields->items[at + 1],
            (fields->count - at) * sizeof(*fields->items));
}

static void make_head(struct exchange *exchange, struct dispatch *dispatch,
                      const struct reply *reply)
{
    struct http_response *response = &exchange->response;
    *response = (struct http_response){.status = reply->status,
                                       .reason = slice_of(http_reason(reply->status))};
    struct http_fields *fields = &response->fields;
    http_fields_init(fields, &exchange->arena);
    http_fields_add(fields, SLICE("Server"), SLICE("nsgate"));
    if (has_content(reply->status)) {
        response->content_length = (int64_t)reply->body.len;
        response->has_body = exchange->request.method != METHOD_HEAD;
        if (reply->body.len > 0)
            http_fields_add(fields, SLICE("Content-Type"), TEXT_PLAIN);
    }
    if (reply->location.len > 0)
        http_fields_add(fields, SLICE("Location"), reply->location);
    if (dispatch) {
        dispatch->is_own_reply = true;
        phases_run_response(dispatch, PHASE_RESPONSE_HEADERS);
        drop_first(fields, FIELD_CONTENT_TYPE);
    }
}

void reply_send(struct exchange *exchange, struct dispatch *dispatch, const struct reply *reply)
{
    make_head(exchange, dispatch, reply);
    exchange_discard_request(exchange);
    exchange_pass_response(exchange);
    if (exchange->is_closed)
        return;
    if (exchange->response.has_body && reply->body.len > 0) {
        struct chain body;
        chain_init(&body, &exchange->loop->buffers);
        chain_append_slice(&body, reply->body);
        exchange_push_response(exchange, &body);
        chain_clear(&body);
    }
    if (!exchange->is_closed)
        exchange_end_response(exchange, PIPE_ENDED);
}

struct slice reply_plain_text(struct exchange *exchange, int status)
{
    const char *reason = http_reason(status);
    return arena_printf(&exchange->arena, "%d%s%s\n", status, reason[0] ? " " : "", reason);
}

/* What nginx says in place of the status's own words; NULL: nothing. */
static const char *words_of(enum error error)
{
    if (error == ERROR_NO_CERTIFICATE)
        return "400 No required SSL certificate was sent\n";
    return error == ERROR_BAD_CERTIFICATE ? "400 The SSL certificate error\n" : NULL;
}

void reply_error(struct exchange *exchange, struct dispatch *dispatch, enum error error, int status)
{
    const char *words = words_of(error);
    struct reply reply = {.status = status,
                          .body = words ? slice_of(words) : reply_plain_text(exchange, status)};
    reply_send(exchange, dispatch, &reply);
}

enum dispatch_verdict reply_refuse(struct exchange *exchange, struct dispatch *dispatch,
                                   enum error error)
{
    int status = error_status(error);
    exchange->error = error;
    report_failure(exchange, dispatch, error, status);
    if (status == 0)
        exchange_end_response(exchange, PIPE_BROKEN);
    else
        reply_error(exchange, dispatch, error, status);
    return DISPATCH_DONE;
}

/* ---- redirects ---- */

/* What a URI may not have in it as it is (RFC 3986 section 2): $uri is decoded, and would let a
 * client put CR LF into the head of our answer. */
static bool is_unsafe(char c)
{
    return (unsigned char)c <= 0x20 || (unsigned char)c >= 0x7f || c == '"' || c == '<' ||
           c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}';
}

static struct slice safe_location(struct arena *arena, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t unsafe = 0;
    for (size_t i = 0; i < text.len; i++)
        unsafe += is_unsafe(text.data[i]);
    if (unsafe == 0)
        return text;
    char *safe = arena_alloc(arena, text.len + 2 * unsafe);
    char *at = safe;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_unsafe(text.data[i])) {
            *at++ = text.data[i];
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return (struct slice){safe, (size_t)(at - safe)};
}

/* As nginx's absolute_redirect, server_name_in_redirect off and port_in_redirect on: the host that
 * was asked for, and the port that we listen on unless it is the scheme's. */
static struct slice absolute(struct exchange *exchange, struct slice location)
{
    const struct exchange_client *client = exchange->client;
    struct slice host = exchange->request.host;
    const char *scheme = client->is_tls ? "https" : "http";
    const char *open = "";
    const char *close = "";
    if (location.len == 0 || location.data[0] != '/')
        return location;
    if (host.len == 0) {
        host = client->local_host;
        bool is_v6 = host.len > 0 && memchr(host.data, ':', host.len);
        open = is_v6 ? "[" : "";
        close = is_v6 ? "]" : "";
    }
    if (client->local_port == (client->is_tls ? 443 : 80))
        return arena_printf(&exchange->arena, "%s://%s%.*s%s%.*s", scheme, open, SLICE_PRINTF(host),
                            close, SLICE_PRINTF(location));
    return arena_printf(&exchange->arena, "%s://%s%.*s%s:%u%.*s", scheme, open, SLICE_PRINTF(host),
                        close, client->local_port, SLICE_PRINTF(location));
}

void reply_redirect(struct dispatch *dispatch, int status, struct slice location)
{
    struct exchange *exchange = dispatch->exchange;
    location = safe_location(&exchange->arena, location);
    struct reply reply = {.status = status,
                          .body = reply_plain_text(exchange, status),
                          .location = absolute(exchange, location)};
    reply_send(exchange, dispatch, &reply);
}
