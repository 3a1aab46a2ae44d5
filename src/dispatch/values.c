/* SPDX-License-Identifier: MIT */
/* What each variable stands for in one exchange. */
#include "dispatch_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct slice request_id(struct dispatch *dispatch)
{
    static const char digits[] = "0123456789abcdef";
    if (dispatch->request_id.len > 0)
        return dispatch->request_id;
    unsigned char random[16];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        /* getrandom(2) does not fail for so few bytes once the pool is ready. */
        log_error("getrandom failed");
        abort();
    }
    char *text = arena_alloc(&dispatch->exchange->arena, 2 * sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        text[2 * i] = digits[random[i] >> 4];
        text[2 * i + 1] = digits[random[i] & 15];
    }
    return dispatch->request_id = (struct slice){text, 2 * sizeof(random)};
}

/* The first name of the server block. */
static struct slice server_name(const struct dispatch *dispatch)
{
    const struct config_server *server = dispatch->server->config;
    return server->name_count > 0 ? server->names[0].shown : (struct slice){0};
}

static struct slice proxy_host(const struct dispatch *dispatch)
{
    bool has_proxy = dispatch->location && dispatch->location->config->has_proxy;
    return has_proxy ? dispatch->location->config->proxy.host : (struct slice){0};
}

static struct slice protocol_text(enum http_version version)
{
    switch (version) {
    case HTTP_1_0:
        return SLICE("HTTP/1.0");
    case HTTP_1_1:
        return SLICE("HTTP/1.1");
    case HTTP_2:
        return SLICE("HTTP/2.0");
    }
    return (struct slice){0};
}

static struct slice forwarded_for(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct slice before = lookup_joined(&exchange->arena, &exchange->request.fields,
                                        SLICE("x-forwarded-for"), SLICE(", "));
    if (before.len == 0)
        return exchange->client->peer_host;
    return arena_printf(&exchange->arena, "%.*s, %.*s", SLICE_PRINTF(before),
                        SLICE_PRINTF(exchange->client->peer_host));
}

static struct slice outcome(enum limit_outcome said)
{
    static const char *const texts[] = {
        [LIMIT_PASSED] = "PASSED",
        [LIMIT_DELAYED] = "DELAYED",
        [LIMIT_REJECTED] = "REJECTED",
        [LIMIT_DELAYED_DRY_RUN] = "DELAYED_DRY_RUN",
        [LIMIT_REJECTED_DRY_RUN] = "REJECTED_DRY_RUN",
    };
    return slice_of(texts[said]);
}

static struct slice content_length(struct dispatch *dispatch)
{
    const struct http_request *request = &dispatch->exchange->request;
    int64_t length = request->content_length;
    return length > 0 || request->has_length ? value_number(dispatch, (uint64_t)length)
                                             : (struct slice){0};
}

static struct slice content_type(const struct dispatch *dispatch)
{
    const struct http_field *field =
        http_fields_find(&dispatch->exchange->request.fields, FIELD_CONTENT_TYPE);
    return field ? field->value : (struct slice){0};
}

/* The request line: HTTP/2 has none, and it is put together as nginx does. */
static struct slice request_line(struct dispatch *dispatch)
{
    const struct http_request *request = &dispatch->exchange->request;
    if (request->line.len > 0 || request->method_text.len == 0)
        return request->line;
    /* Every line has it: that is no work for printf(3). */
    const struct slice words[] = {request->method_text, SLICE(" "), request->target, SLICE(" "),
                                  protocol_text(request->version)};
    size_t len = 0, count = sizeof(words) / sizeof(words[0]);
    for (size_t i = 0; i < count; i++)
        len += words[i].len;
    char *text = arena_alloc(&dispatch->exchange->arena, len), *end = text;
    for (size_t i = 0; i < count; i++)
        end = mempcpy(end, words[i].data, words[i].len);
    return (struct slice){text, len};
}

/* What the configuration, and this gateway, say. */
static struct slice own_variable(struct dispatch *dispatch, enum config_variable variable)
{
    switch (variable) {
    case VARIABLE_SERVER_NAME:
        return server_name(dispatch);
    case VARIABLE_PROXY_HOST:
        return proxy_host(dispatch);
    case VARIABLE_REQUEST_ID:
        return request_id(dispatch);
    case VARIABLE_LIMIT_REQ_STATUS:
        return outcome(dispatch->limit_req);
    case VARIABLE_LIMIT_CONN_STATUS:
        return outcome(dispatch->limit_conn);
    case VARIABLE_LIMIT_RATE:
        return value_number(dispatch, limit_rate_in_force(dispatch));
    case VARIABLE_TENANT:
        return dispatch->tenant->config.name;
    case VARIABLE_NETNS:
        return dispatch->tenant->config.netns.text;
    case VARIABLE_STATUS:
    case VARIABLE_BODY_BYTES_SENT:
    case VARIABLE_BYTES_SENT:
    case VARIABLE_REQUEST_COMPLETION:
        return sent_value(dispatch, variable);
    case VARIABLE_UPSTREAM_ADDR:
    case VARIABLE_UPSTREAM_STATUS:
    case VARIABLE_UPSTREAM_RESPONSE_TIME:
    case VARIABLE_UPSTREAM_QUEUE_TIME:
    case VARIABLE_UPSTREAM_QUEUE_REASON:
    case VARIABLE_UPSTREAM_CONNECT_TIME:
    case VARIABLE_UPSTREAM_HEADER_TIME:
    case VARIABLE_UPSTREAM_BYTES_SENT:
    case VARIABLE_UPSTREAM_BYTES_RECEIVED:
    case VARIABLE_UPSTREAM_RESPONSE_LENGTH:
        return upstream_value(dispatch, variable);
    case VARIABLE_MSEC:
    case VARIABLE_TIME_ISO8601:
    case VARIABLE_TIME_LOCAL:
    case VARIABLE_HOSTNAME:
    case VARIABLE_PID:
        return process_value(dispatch, variable);
    default:
        return client_value(dispatch, variable);
    }
}

/* What follows from the request's head. */
static struct slice request_variable(struct dispatch *dispatch, enum config_variable variable)
{
    struct exchange *exchange = dispatch->exchange;
    const struct http_request *request = &exchange->request;
    switch (variable) {
    case VARIABLE_HOST:
        return request->host.len > 0 ? request->host : server_name(dispatch);
    case VARIABLE_REQUEST:
        return request_line(dispatch);
    case VARIABLE_REQUEST_METHOD:
        return request->method_text;
    case VARIABLE_REQUEST_URI:
        return request->target;
    case VARIABLE_URI:
    case VARIABLE_DOCUMENT_URI:
        return dispatch->path;
    case VARIABLE_ARGS:
    case VARIABLE_QUERY_STRING:
        return request->query.len > 0 ? request->query : (struct slice){0}; /* none, as in nginx */
    case VARIABLE_IS_ARGS:
        return request->query.len > 0 ? SLICE("?") : SLICE("");
    case VARIABLE_SERVER_PROTOCOL:
        return protocol_text(request->version);
    case VARIABLE_REMOTE_USER:
        return lookup_user(exchange);
    case VARIABLE_PROXY_ADD_X_FORWARDED_FOR:
        return forwarded_for(dispatch);
    case VARIABLE_CONTENT_LENGTH:
        return content_length(dispatch);
    case VARIABLE_CONTENT_TYPE:
        return content_type(dispatch);
    case VARIABLE_REQUEST_LENGTH:
        return value_number(dispatch, exchange->request_bytes);
    case VARIABLE_REQUEST_TIME:
        return value_seconds(dispatch, loop_now(exchange->loop) - exchange->started);
    case VARIABLE_PIPE:
        return exchange->is_pipelined ? SLICE("p") : SLICE(".");
    default:
        return own_variable(dispatch, variable);
    }
}

struct slice variable_value(struct dispatch *dispatch, const struct config_part *part)
{
    struct exchange *exchange = dispatch->exchange;
    const struct http_request *request = &exchange->request;
    switch (part->variable) {
    case VARIABLE_LITERAL:
        return part->text;
    case VARIABLE_HTTP:
        return lookup_field(exchange, part->text);
    case VARIABLE_ARG:
        return lookup_argument(request->query, part->text);
    case VARIABLE_COOKIE:
        return lookup_cookie(&request->fields, part->text);
    case VARIABLE_SENT_HTTP:
        return sent_field(dispatch, part->text);
    case VARIABLE_UPSTREAM_HTTP:
        return upstream_field(dispatch, part->text);
    default:
        return request_variable(dispatch, part->variable);
    }
}
