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
    verification_note(connection);
    if (!verification_is_current(connection)) {
        connection_close(connection, CLOSE_VERIFICATION_CHANGED);
        return;
    }
    connection_set_state(connection, CONNECTION_IDLE);
    protocol_start(connection);
}

static void fail(struct connection *connection, enum error error)
{
    const char *why = tls_failure(connection->stream);

    log_info("tenant %.*s: client %.*s: handshake: %s%s%s%s",
             SLICE_PRINTF(connection_tenant_name(connection)),
             SLICE_PRINTF(connection->client.peer_host), error_text(error), *why ? " (" : "", why,
             *why ? ")" : "");
    connection_close(connection,
                     error == ERROR_HANDSHAKE_TIMEOUT ? CLOSE_HANDSHAKE_TIMEOUT : CLOSE_HANDSHAKE);
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
