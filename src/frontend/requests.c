/* SPDX-License-Identifier: MIT */
/* What a connection does with a request, whatever it came by: the settings that count, whether
 * another may follow, an exchange for it, and its way to dispatch. */
#include "connection_internal.h"
#include "registry_internal.h"

const struct config_settings *connection_default_settings(const struct connection *connection)
{
    /* nginx's and docs/CONFIG.md's defaults: for the last words of a connection whose tenant is
     * gone. */
    static const struct config_settings none = {.client_header_timeout = 10,
                                                .client_body_timeout = 60,
                                                .send_timeout = 60,
                                                .proxy_read_timeout = 60,
                                                .header_buffers = 4,
                                                .header_buffer_size = 8192};
    const struct tenant_listener *listener = connection->listener->current;

    return listener ? listener->default_server->config->settings : &none;
}

const struct config_settings *connection_settings(const struct connection *connection,
                                                  const struct exchange *exchange)
{
    const struct config_settings *settings = exchange ? dispatch_settings(exchange) : NULL;

    return settings ? settings : connection_default_settings(connection);
}

struct slice connection_tenant_name(const struct connection *connection)
{
    return frontend_tenant_name(connection->listener->tenant);
}

/* ---- whether another may follow ---- */

bool connection_takes_requests(const struct connection *connection)
{
    return connection->listener->current && !connection->is_stale;
}

enum close_reason connection_must_end(const struct connection *connection)
{
    if (connection->retiring == CLOSE_NONE && !connection->listener->current)
        return CLOSE_LISTENER_REMOVED;
    return connection->retiring;
}

enum close_reason connection_idle_end(const struct connection *connection)
{
    enum close_reason reason = connection_must_end(connection);

    if (reason != CLOSE_NONE)
        return reason;
    return connection->requests > 0 ? CLOSE_KEEPALIVE_TIMEOUT : CLOSE_NO_REQUEST;
}

double connection_idle_time(const struct connection *connection, double seconds)
{
    bool is_patient = connection->retiring == CLOSE_NONE || seconds < connection->patience;

    return is_patient ? seconds : connection->patience;
}

/* ---- its way ---- */

struct exchange *connection_new_exchange(struct connection *connection,
                                         const struct exchange_front *ops, void *front)
{
    return exchange_new(&listener_frontend(connection->listener)->exchanges, ops, front,
                        &connection->client);
}

void connection_count_request(struct connection *connection, struct exchange *exchange)
{
    connection->requests++;
    exchange->connection_requests = connection->requests;
}

static struct dispatch_origin origin_of(const struct connection *connection)
{
    const struct front_listener *listener = connection->listener;
    struct dispatch_origin origin = {.shared = listener_frontend(listener)->shared,
                                     .tenant = listener->tenant->tenant,
                                     .listener = listener->current};

    if (connection->client.is_tls) {
        origin.handshake = tls_chosen_server(connection->stream);
        origin.sent_server_name = connection->client.tls_server_name.len > 0;
    }
    return origin;
}

void connection_dispatch(struct connection *connection, struct exchange *exchange)
{
    const struct dispatch_origin origin = origin_of(connection);

    dispatch_start(exchange, listener_frontend(connection->listener)->config.backends, &origin);
}

void connection_attend(struct connection *connection, struct exchange *exchange)
{
    struct front_listener *listener = connection->listener;
    struct dispatch_origin origin;

    if (exchange->mediator_ops || !listener->current)
        return;
    origin = origin_of(connection);
    dispatch_attend(exchange, listener_frontend(listener)->config.backends, &origin);
}

bool connection_is_logged(const struct connection *connection)
{
    const struct tenant *tenant = connection->listener->tenant->tenant;

    return connection->listener->current && tenant->config.log_destination_count > 0;
}

struct front_stream_pool *connection_streams(const struct connection *connection)
{
    return &listener_frontend(connection->listener)->streams;
}
