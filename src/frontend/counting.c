/* SPDX-License-Identifier: MIT */
/* What is measured of clients' connections: in their tenant's cells, as long as that is there. */
#include "connection_internal.h"
#include "registry_internal.h"

void counting_begin(struct frontend_tenant *tenant, uint64_t number)
{
    if (tenant->number == number)
        return;
    counting_end(tenant);
    tenant->number = number;
}

/* They are taken when there is something to count: of most tenants a worker may never see a client.
 */
static struct metrics_cells *cells_taken(struct frontend_tenant *tenant)
{
    struct metrics_file *figures = tenant->frontend->config.figures;

    if (!tenant->cells && figures && tenant->number != 0)
        tenant->cells = metrics_take(figures, METRIC_SCOPE_TENANT, tenant->number, SLICE(""));
    return tenant->cells;
}

static void forget_list(struct connection_list *list)
{
    struct connection *connection;

    TAILQ_FOREACH (connection, list, of_tenant)
        connection->is_measured = connection->is_listed = false;
}

void counting_forget(struct front_listener *listener)
{
    if (listener->cells)
        metrics_release(listener_frontend(listener)->config.figures, listener->cells);
    listener->cells = NULL;
}

void counting_end(struct frontend_tenant *tenant)
{
    struct front_listener *listener;

    if (tenant->cells)
        metrics_release(tenant->frontend->config.figures, tenant->cells);
    tenant->cells = NULL;
    tenant->number = 0;
    LIST_FOREACH (listener, &tenant->listeners, next)
        counting_forget(listener);
    forget_list(&tenant->idle);
    forget_list(&tenant->busy);
}

/* ---- connections ---- */

static struct metrics_cells *cells_of(const struct connection *connection)
{
    return connection->listener->tenant->cells;
}

static struct metrics_cells *listener_cells(struct front_listener *listener)
{
    const struct frontend_tenant *tenant = listener->tenant;

    if (!listener->cells && tenant->cells)
        listener->cells = metrics_take(tenant->frontend->config.figures, METRIC_SCOPE_LISTENER,
                                       tenant->number, listener_address(listener));
    return listener->cells;
}

void counting_accepted(struct connection *connection)
{
    struct frontend *frontend = listener_frontend(connection->listener);

    connection->client.figures = &connection->listener->tenant->cells;
    connection->is_measured = cells_taken(connection->listener->tenant);
    connection->is_listed = listener_cells(connection->listener);
    metrics_add(cells_of(connection), METRIC_ACCEPTED, 1);
    metrics_move(cells_of(connection), METRIC_CONNECTIONS, 1);
    metrics_move(connection->listener->cells, METRIC_LISTENER_CONNECTIONS, 1);
    metrics_move(frontend->process, METRIC_WORKER_CONNECTIONS, 1);
}

void counting_retiring(struct connection *connection, enum close_reason reason)
{
    if (connection->retiring != CLOSE_NONE)
        return;
    connection->retiring = reason;
    if (connection->is_measured)
        metrics_move(cells_of(connection), METRIC_DRAINING, 1);
}

static enum metric_unshaken unshaken(enum close_reason reason)
{
    switch (reason) {
    case CLOSE_HANDSHAKE:
    case CLOSE_TLS:
        return METRIC_UNSHAKEN_TLS;
    case CLOSE_HANDSHAKE_TIMEOUT:
        return METRIC_UNSHAKEN_TIMEOUT;
    case CLOSE_CLIENT_CLOSED:
    case CLOSE_CLIENT_GONE:
    case CLOSE_CLIENT_RESET:
    case CLOSE_CLIENT_TRUNCATED:
        return METRIC_UNSHAKEN_CLIENT;
    default:
        return METRIC_UNSHAKEN_OTHER;
    }
}

void counting_closed(struct connection *connection)
{
    struct metrics_cells *cells = cells_of(connection);

    metrics_move(listener_frontend(connection->listener)->process, METRIC_WORKER_CONNECTIONS, -1);
    metrics_add_label(cells, METRIC_CLOSED, connection->reason, 1);
    if (connection->is_measured)
        metrics_move(cells, METRIC_CONNECTIONS, -1);
    if (connection->is_listed)
        metrics_move(connection->listener->cells, METRIC_LISTENER_CONNECTIONS, -1);
    if (connection->is_measured && connection->retiring != CLOSE_NONE)
        metrics_move(cells, METRIC_DRAINING, -1);
    connection->is_measured = connection->is_listed = false;
}

/* ---- handshakes ---- */

void counting_shaken(const struct connection *connection)
{
    const struct exchange_client *client = &connection->client;
    struct metrics_cells *cells = cells_of(connection);
    bool is_newest = slice_equal(client->tls_protocol, SLICE("TLSv1.3"));

    metrics_add_label(cells, METRIC_HANDSHAKES,
                      client->tls_reused ? METRIC_HANDSHAKE_RESUMED : METRIC_HANDSHAKE_FULL, 1);
    metrics_add_label(cells, METRIC_TLS_CONNECTIONS, is_newest ? METRIC_TLS_1_3 : METRIC_TLS_1_2,
                      1);
    metrics_observe(cells, METRIC_HANDSHAKE_DURATION, client->tls_seconds);
}

void counting_unshaken(const struct connection *connection, enum close_reason reason)
{
    struct metrics_cells *cells = cells_of(connection);

    metrics_add_label(cells, METRIC_HANDSHAKES, METRIC_HANDSHAKE_FAILED, 1);
    metrics_add_label(cells, METRIC_HANDSHAKE_FAILURES, unshaken(reason), 1);
}

void counting_refused(struct frontend_tenant *tenant, enum close_reason reason)
{
    metrics_add_label(cells_taken(tenant), METRIC_REFUSED,
                      (unsigned)(reason - CLOSE_CLIENT_HANDSHAKE_RATE), 1);
}
