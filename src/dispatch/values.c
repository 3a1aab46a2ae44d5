/* SPDX-License-Identifier: MIT */
/* What each variable stands for in one exchange. */
#include "dispatch_internal.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

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

static struct slice number(struct dispatch *dispatch, uint64_t value)
{
    return arena_printf(&dispatch->exchange->arena, "%llu", (unsigned long long)value);
}

static struct slice seconds(struct dispatch *dispatch, double value)
{
    return arena_printf(&dispatch->exchange->arena, "%.3f", value > 0 ? value : 0.0);
}

static struct slice wall_time(struct dispatch *dispatch, const char *format)
{
    time_t now = (time_t)loop_wall(dispatch->exchange->loop);
    struct tm parts;
    char text[64];
    localtime_r(&now, &parts);
    size_t len = strftime(text, sizeof(text), format, &parts);
    return arena_slice(&dispatch->exchange->arena, (struct slice){text, len});
}

/* strftime's %z has no colon, which nginx's ISO 8601 has. */
static struct slice iso_time(struct dispatch *dispatch)
{
    struct slice text = wall_time(dispatch, "%Y-%m-%dT%H:%M:%S%z");
    return arena_printf(&dispatch->exchange->arena, "%.*s:%.*s", (int)(text.len - 2), text.data, 2,
                        text.data + text.len - 2);
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
    struct slice before = lookup_joined(exchange, SLICE("x-forwarded-for"), SLICE(", "));
    if (before.len == 0)
        return exchange->client->peer_host;
    return arena_printf(&exchange->arena, "%.*s, %.*s", SLICE_PRINTF(before),
                        SLICE_PRINTF(exchange->client->peer_host));
}

/* 4 or 16 bytes. */
static struct slice binary_address(struct dispatch *dispatch)
{
    struct slice text = dispatch->exchange->client->peer_host;
    char *bytes = arena_alloc(&dispatch->exchange->arena, sizeof(struct in6_addr));
    char host[INET6_ADDRSTRLEN];
    const char *zone = text.len > 0 ? memchr(text.data, '%', text.len) : NULL;

    if (zone)
        text.len = (size_t)(zone - text.data);
    if (text.len >= sizeof(host))
        return (struct slice){0};
    memcpy(host, text.data, text.len);
    host[text.len] = '\0';
    if (inet_pton(AF_INET, host, bytes) == 1)
        return (struct slice){bytes, sizeof(struct in_addr)};
    return inet_pton(AF_INET6, host, bytes) == 1 ? (struct slice){bytes, sizeof(struct in6_addr)}
                                                 : (struct slice){0};
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
    return length > 0 || request->has_length ? number(dispatch, (uint64_t)length)
                                             : (struct slice){0};
}

static struct slice content_type(const struct dispatch *dispatch)
{
    const struct http_field *field =
        http_fields_find(&dispatch->exchange->request.fields, FIELD_CONTENT_TYPE);
    return field ? field->value : (struct slice){0};
}

static struct slice waited_for(unsigned waits)
{
    switch (waits) {
    case BACKEND_WAIT_SERVER:
        return SLICE("server");
    case BACKEND_WAIT_CONNECTION:
        return SLICE("connection");
    case BACKEND_WAIT_SERVER | BACKEND_WAIT_CONNECTION:
        return SLICE("server+connection");
    default:
        return SLICE("-");
    }
}

static struct slice upstream_item(struct dispatch *dispatch, enum config_variable variable,
                                  const struct dispatch_past *attempt)
{
    switch (variable) {
    case VARIABLE_UPSTREAM_ADDR:
        return attempt->address;
    case VARIABLE_UPSTREAM_QUEUE_TIME:
        return seconds(dispatch, attempt->queue_seconds);
    case VARIABLE_UPSTREAM_QUEUE_REASON:
        return waited_for(attempt->waited_for);
    default:
        break;
    }
    if (attempt->status == 0)
        return SLICE("-");
    return variable == VARIABLE_UPSTREAM_STATUS ? number(dispatch, (uint64_t)attempt->status)
                                                : seconds(dispatch, attempt->seconds);
}

/* The last attempt as far as it has come. As with nginx a request for which no server could be
 * chosen has the upstream's name for an address. */
static struct dispatch_past last_attempt(const struct dispatch *dispatch)
{
    const struct exchange *exchange = dispatch->exchange;
    const struct backend_attempts *attempts = &dispatch->attempts;
    struct dispatch_past last = {.status = dispatch->backend_status,
                                 .waited_for = attempts->waited_for,
                                 .queue_seconds = attempts->queue_seconds};
    if (dispatch_is_attempting(dispatch)) {
        double now = loop_now(exchange->loop);
        last.address = attempts->address;
        last.seconds =
            (exchange->response_at > 0 ? exchange->response_at : now) - attempts->started;
    } else if (last.status > 0 || last.waited_for > 0) {
        uint32_t upstream = dispatch->location->config->proxy.upstream;
        last.address = dispatch->tenant->config.upstreams[upstream].name;
    }
    return last;
}

static struct slice appended(struct dispatch *dispatch, struct slice list, struct slice item)
{
    if (list.len == 0)
        return item;
    return arena_printf(&dispatch->exchange->arena, "%.*s, %.*s", SLICE_PRINTF(list),
                        SLICE_PRINTF(item));
}

/* The attempts in their order, as nginx lists them: "127.0.0.1:9000, 127.0.0.1:9001". */
static struct slice upstream_list(struct dispatch *dispatch, enum config_variable variable)
{
    struct slice list = {0};
    const struct dispatch_past *past;
    STAILQ_FOREACH (past, &dispatch->past, next)
        list = appended(dispatch, list, upstream_item(dispatch, variable, past));
    struct dispatch_past last = last_attempt(dispatch);
    bool is_answers =
        variable == VARIABLE_UPSTREAM_STATUS || variable == VARIABLE_UPSTREAM_RESPONSE_TIME;
    if (last.address.len == 0 || (list.len == 0 && last.status == 0 && is_answers))
        return list;
    return appended(dispatch, list, upstream_item(dispatch, variable, &last));
}

/* What has happened so far. */
static struct slice progress_variable(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange *exchange = dispatch->exchange;
    switch (variable) {
    case VARIABLE_REQUEST_ID:
        return request_id(dispatch);
    case VARIABLE_REQUEST_LENGTH:
        return number(dispatch, exchange->request_bytes);
    case VARIABLE_STATUS:
        return exchange->response.status > 0 ? number(dispatch, (uint64_t)exchange->response.status)
                                             : (struct slice){0};
    case VARIABLE_BODY_BYTES_SENT:
        return number(dispatch, exchange->response_body_bytes);
    case VARIABLE_BYTES_SENT:
        return number(dispatch, exchange->response_bytes);
    case VARIABLE_REQUEST_TIME:
        return seconds(dispatch, loop_now(exchange->loop) - exchange->started);
    case VARIABLE_MSEC:
        return seconds(dispatch, loop_wall(exchange->loop));
    case VARIABLE_TIME_ISO8601:
        return iso_time(dispatch);
    case VARIABLE_TIME_LOCAL:
        return wall_time(dispatch, "%d/%b/%Y:%H:%M:%S %z");
    case VARIABLE_UPSTREAM_ADDR:
    case VARIABLE_UPSTREAM_STATUS:
    case VARIABLE_UPSTREAM_RESPONSE_TIME:
    case VARIABLE_UPSTREAM_QUEUE_TIME:
    case VARIABLE_UPSTREAM_QUEUE_REASON:
        return upstream_list(dispatch, variable);
    default:
        return (struct slice){0};
    }
}

/* What the handshake said. */
static struct slice tls_variable(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange_client *client = dispatch->exchange->client;
    switch (variable) {
    case VARIABLE_SSL_PROTOCOL:
        return client->tls_protocol;
    case VARIABLE_SSL_CIPHER:
        return client->tls_cipher;
    case VARIABLE_SSL_SERVER_NAME:
        return client->tls_server_name;
    case VARIABLE_SSL_SESSION_REUSED:
        return !client->is_tls ? (struct slice){0} : client->tls_reused ? SLICE("r") : SLICE(".");
    case VARIABLE_SSL_CLIENT_VERIFY:
        return client->tls_client_verify;
    case VARIABLE_SSL_CLIENT_S_DN:
        return client->tls_client_subject;
    case VARIABLE_SSL_CLIENT_I_DN:
        return client->tls_client_issuer;
    case VARIABLE_SSL_CLIENT_SERIAL:
        return client->tls_client_serial;
    case VARIABLE_SSL_CLIENT_FINGERPRINT:
        return client->tls_client_fingerprint;
    default:
        return progress_variable(dispatch, variable);
    }
}

/* What the connection and the configuration say. */
static struct slice connection_variable(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange_client *client = dispatch->exchange->client;
    switch (variable) {
    case VARIABLE_SCHEME:
        return client->is_tls ? SLICE("https") : SLICE("http");
    case VARIABLE_SERVER_NAME:
        return server_name(dispatch);
    case VARIABLE_SERVER_ADDR:
        return client->local_host;
    case VARIABLE_SERVER_PORT:
        return number(dispatch, client->local_port);
    case VARIABLE_BINARY_REMOTE_ADDR:
        return binary_address(dispatch);
    case VARIABLE_REMOTE_ADDR:
        return client->peer_host;
    case VARIABLE_REMOTE_PORT:
        return number(dispatch, client->peer_port);
    case VARIABLE_PROXY_HOST:
        return proxy_host(dispatch);
    case VARIABLE_CONNECTION:
        return number(dispatch, client->connection);
    case VARIABLE_CONNECTION_REQUESTS:
        return number(dispatch, dispatch->exchange->connection_requests);
    case VARIABLE_LIMIT_REQ_STATUS:
        return outcome(dispatch->limit_req);
    case VARIABLE_LIMIT_CONN_STATUS:
        return outcome(dispatch->limit_conn);
    case VARIABLE_LIMIT_RATE:
        return number(dispatch, limit_rate_in_force(dispatch));
    case VARIABLE_TENANT:
        return dispatch->tenant->config.name;
    case VARIABLE_NETNS:
        return dispatch->tenant->config.netns.text;
    default:
        return tls_variable(dispatch, variable);
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
    case VARIABLE_HOST:
        return request->host.len > 0 ? request->host : server_name(dispatch);
    case VARIABLE_REQUEST_METHOD:
        return request->method_text;
    case VARIABLE_REQUEST_URI:
        return request->target;
    case VARIABLE_URI:
        return dispatch->path;
    case VARIABLE_ARGS:
    case VARIABLE_QUERY_STRING:
        return request->query;
    case VARIABLE_IS_ARGS:
        return request->query.len > 0 ? SLICE("?") : SLICE("");
    case VARIABLE_SERVER_PROTOCOL:
        return protocol_text(request->version);
    case VARIABLE_PROXY_ADD_X_FORWARDED_FOR:
        return forwarded_for(dispatch);
    case VARIABLE_CONTENT_LENGTH:
        return content_length(dispatch);
    case VARIABLE_CONTENT_TYPE:
        return content_type(dispatch);
    default:
        return connection_variable(dispatch, part->variable);
    }
}
