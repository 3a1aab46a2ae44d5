/* SPDX-License-Identifier: MIT */
/* The first thing that a client connection does: the TLS handshake, where its listener has TLS. */
#include "connection_internal.h"
#include "registry_internal.h"

#include "base/log.h"

static const struct tls_server *select_server(void *argument, struct slice server_name)
{
    const struct connection *connection = argument;

    return &tenant_find_server(connection->accepted, server_name)->tls;
}

static void on_open(void *owner)
{
    struct connection *connection = owner;
    struct stream *stream = connection->stream;
    struct exchange_client *client = &connection->client;

    client->tls_protocol = slice_of(tls_protocol(stream));
    client->tls_cipher = slice_of(tls_cipher(stream));
    client->tls_server_name = tls_server_name(stream);
    client->tls_reused = tls_session_reused(stream);
    client->tls_alpn = tls_alpn(stream);
    client->tls_curve = slice_of(tls_curve(stream));
    client->tls_seconds = connection_now(connection) - client->accepted;
    verification_note(connection);
    if (!verification_is_current(connection)) {
        connection_close(connection, CLOSE_VERIFICATION_CHANGED);
        return;
    }
    counting_shaken(connection);
    connection_set_state(connection, CONNECTION_IDLE);
    protocol_start(connection);
}

/* A line for what never became a request. */
static void log_failure(struct connection *connection, enum close_reason reason, const char *why)
{
    struct exchange_client *client = &connection->client;
    struct exchange *exchange;

    if (!connection_is_logged(connection))
        return;
    client->closed = reason;
    client->tls_server_name = tls_server_name(connection->stream);
    exchange = connection_new_exchange(connection, NULL, NULL);
    exchange->started = client->accepted;
    exchange->error = close_error(reason);
    exchange->reason = slice_of(why);
    connection_attend(connection, exchange);
    exchange_close(exchange);
}

static void fail(struct connection *connection, enum error error)
{
    const char *why = tls_failure(connection->stream);
    enum close_reason reason =
        error == ERROR_HANDSHAKE_TIMEOUT ? CLOSE_HANDSHAKE_TIMEOUT : CLOSE_HANDSHAKE;

    log_info("tenant %.*s: client %.*s: handshake: %s%s%s%s",
             SLICE_PRINTF(connection_tenant_name(connection)),
             SLICE_PRINTF(connection->client.peer_host), error_text(error), *why ? " (" : "", why,
             *why ? ")" : "");
    log_failure(connection, reason, *why ? why : error_text(error));
    connection_close(connection, reason);
}

static void on_failed(void *owner, enum error error)
{
    fail(owner, error);
}

/* Before on_open there is nothing to read. */
static void on_nothing(void *owner)
{
    (void)owner;
}

static const struct stream_events handshake_events = {.on_open = on_open,
                                                      .on_readable = on_nothing,
                                                      .on_writable = on_nothing,
                                                      .on_failed = on_failed};

static void check(struct connection *connection, double now)
{
    double due = connection->limits.phase_due;

    if (due > 0 && now >= due)
        fail(connection, ERROR_HANDSHAKE_TIMEOUT);
}

static void retire(struct connection *connection)
{
    if (connection->patience <= 0)
        connection_close(connection, connection->retiring);
}

static const struct protocol protocol_handshake = {.check = check, .retire = retire};

void handshake_start(struct connection *connection)
{
    const struct tls_accept accept = {.select = select_server, .argument = connection};
    struct front_listener *listener = connection->listener;

    if (!listener->current->config->ssl) {
        connection_set_state(connection, CONNECTION_IDLE);
        protocol_start(connection);
        return;
    }
    connection->tenant = tenant_ref(listener->tenant->tenant);
    connection->accepted = listener->current;
    connection->client.is_tls = true;
    connection_speak(connection, &protocol_handshake);
    connection_set_timeout(connection, LIMIT_HANDSHAKE);
    stream_set_owner(connection->stream, &handshake_events, connection);
    tls_accept(connection->stream, connection->accepted->default_server->tls.context, &accept);
}
