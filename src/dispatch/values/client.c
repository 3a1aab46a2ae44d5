/* SPDX-License-Identifier: MIT */
/* Variables of the client's connection. */
#include "dispatch_internal.h"

#include <arpa/inet.h>

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

/* What the certificate of the client says. */
static struct slice certificate_value(const struct exchange_client *client,
                                      enum config_variable variable)
{
    switch (variable) {
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
        return (struct slice){0};
    }
}

/* What the handshake said. */
static struct slice tls_value(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange_client *client = dispatch->exchange->client;
    switch (variable) {
    case VARIABLE_SSL_PROTOCOL:
        return client->tls_protocol;
    case VARIABLE_SSL_CIPHER:
        return client->tls_cipher;
    case VARIABLE_SSL_CURVE:
        return client->tls_curve;
    case VARIABLE_SSL_ALPN_PROTOCOL:
        return client->tls_alpn;
    case VARIABLE_SSL_SERVER_NAME:
        return client->tls_server_name;
    case VARIABLE_SSL_SESSION_REUSED:
        return !client->is_tls ? (struct slice){0} : client->tls_reused ? SLICE("r") : SLICE(".");
    case VARIABLE_TLS_FAILURE:
        return client->is_tls && client->tls_seconds < 0 ? dispatch->exchange->reason
                                                         : (struct slice){0};
    case VARIABLE_TLS_HANDSHAKE_TIME:
        return client->is_tls && client->tls_seconds >= 0
                   ? value_seconds(dispatch, client->tls_seconds)
                   : (struct slice){0};
    default:
        return certificate_value(client, variable);
    }
}

static struct slice http2(const struct exchange *exchange)
{
    if (exchange->request.version != HTTP_2)
        return SLICE("");
    return exchange->client->is_tls ? SLICE("h2") : SLICE("h2c");
}

struct slice client_value(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange *exchange = dispatch->exchange;
    const struct exchange_client *client = exchange->client;
    switch (variable) {
    case VARIABLE_SCHEME:
        return client->is_tls ? SLICE("https") : SLICE("http");
    case VARIABLE_SERVER_ADDR:
        return client->local_host;
    case VARIABLE_SERVER_PORT:
        return value_number(dispatch, client->local_port);
    case VARIABLE_BINARY_REMOTE_ADDR:
        return binary_address(dispatch);
    case VARIABLE_REMOTE_ADDR:
        return client->peer_host;
    case VARIABLE_REMOTE_PORT:
        return value_number(dispatch, client->peer_port);
    case VARIABLE_CONNECTION:
        return value_number(dispatch, client->connection);
    case VARIABLE_CONNECTION_REQUESTS:
        return value_number(dispatch, exchange->connection_requests);
    case VARIABLE_CONNECTION_TIME:
        return value_seconds(dispatch, loop_now(exchange->loop) - client->accepted);
    case VARIABLE_CLOSE_REASON:
        return client->closed != CLOSE_NONE ? slice_of(close_token(client->closed))
                                            : (struct slice){0};
    case VARIABLE_HTTP2:
        return http2(exchange);
    default: {
        struct slice value = tls_value(dispatch, variable);
        return value.len > 0 ? value : (struct slice){0}; /* none, as in nginx */
    }
    }
}
