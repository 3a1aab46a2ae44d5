/* SPDX-License-Identifier: MIT */
/* A client connection's life: accepted, shaken hands with, handed to its protocol, closed. */
#include "connection_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

static struct connection *of_deadline(struct deadline *deadline)
{
    return CONTAINER_OF(deadline, struct connection, limits.deadline);
}

static struct connection *of_task(struct loop_task *task)
{
    return CONTAINER_OF(task, struct connection, task);
}

/* ---- state ---- */

/* Idle connections are the ones that may be closed to make room for another; not while the last
 * response is still on its way. */
static bool is_spare(const struct connection *connection)
{
    enum connection_state state = connection->state;

    if (state != CONNECTION_LINGER && (state != CONNECTION_IDLE || connection->requests == 0))
        return false;
    return stream_queued(connection->stream) == 0;
}

static void enlist(struct connection *connection)
{
    struct frontend_tenant *tenant = connection->listener->tenant;

    connection->is_spare = is_spare(connection);
    TAILQ_INSERT_TAIL(connection->is_spare ? &tenant->idle : &tenant->busy, connection, of_tenant);
    if (connection->is_spare)
        listeners_tenant_has_room(tenant);
}

void connection_set_state(struct connection *connection, enum connection_state state)
{
#define TO(name) (1u << CONNECTION_##name)
    static const unsigned legal[] = {
        [CONNECTION_HANDSHAKE] = TO(IDLE) | TO(CLOSED),
        [CONNECTION_IDLE] = TO(HEAD) | TO(EXCHANGE) | TO(LINGER) | TO(CLOSED),
        [CONNECTION_HEAD] = TO(IDLE) | TO(EXCHANGE) | TO(LINGER) | TO(CLOSED),
        [CONNECTION_EXCHANGE] = TO(IDLE) | TO(TUNNEL) | TO(LINGER) | TO(CLOSED),
        [CONNECTION_TUNNEL] = TO(LINGER) | TO(CLOSED),
        [CONNECTION_LINGER] = TO(CLOSED),
        [CONNECTION_CLOSED] = 0,
    };
#undef TO
    struct frontend_tenant *tenant = connection->listener->tenant;

    assert(legal[connection->state] & 1u << state);
    log_debug("client %llu: state %d to %d", (unsigned long long)connection->client.connection,
              (int)connection->state, (int)state);
    TAILQ_REMOVE(connection->is_spare ? &tenant->idle : &tenant->busy, connection, of_tenant);
    connection->state = state;
    if (state == CONNECTION_CLOSED)
        return;
    enlist(connection);
}

void connection_note_drained(struct connection *connection)
{
    struct frontend_tenant *tenant = connection->listener->tenant;

    if (connection->is_spare || !is_spare(connection))
        return;
    TAILQ_REMOVE(&tenant->busy, connection, of_tenant);
    enlist(connection);
}

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

const struct config_settings *connection_settings(const struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;
    const struct config_settings *settings = exchange ? dispatch_settings(exchange) : NULL;

    return settings ? settings : connection_default_settings(connection);
}

void connection_write(struct connection *connection, struct chain *bytes)
{
    struct stream *stream = connection->stream;
    double now = connection_now(connection);

    if (bytes->len == 0)
        return;
    stream_write(stream, bytes);
    limits_send_start(&connection->limits, now, connection_settings(connection)->send_timeout);
    limits_arm(&connection->limits, now);
}

/* ---- clocks ---- */

/* Returns whether the connection is still there. */
static bool check_clocks(struct connection *connection, double now)
{
    struct limits *limits = &connection->limits;

    if (limits->cut_due > 0 && now >= limits->cut_due) {
        connection_frontend(connection)->cut += connection_frontend(connection)->is_draining;
        connection_close(connection, CLOSE_RESET, ERROR_DRAINING);
        return false;
    }
    if (limits_send_is_slow(limits, now, connection->stream)) {
        connection_close(connection, CLOSE_RESET, ERROR_SEND_TIMEOUT);
        return false;
    }
    if (connection->protocol)
        connection->protocol->check(connection, now);
    else if (limits->phase_due > 0 && now >= limits->phase_due)
        connection_fail_handshake(connection, ERROR_HANDSHAKE_TIMEOUT);
    return connection->state != CONNECTION_CLOSED;
}

static void on_deadline(struct deadline *deadline)
{
    struct connection *connection = of_deadline(deadline);
    double now = connection_now(connection) + DEADLINE_SLACK;

    if (check_clocks(connection, now))
        limits_arm(&connection->limits, connection_now(connection));
}

/* ---- what the protocol is told ---- */

static void on_readable(void *owner)
{
    struct connection *connection = owner;

    connection->protocol->readable(connection);
}

static void on_drained(void *owner)
{
    struct connection *connection = owner;

    connection->protocol->drained(connection);
}

static void on_broken(void *owner, enum error error)
{
    connection_close(owner, CLOSE_NOW, error == ERROR_RESET ? ERROR_CLIENT_GONE : error);
}

static void on_nothing(void *owner)
{
    (void)owner;
}

const struct stream_events connection_events = {.on_open = on_nothing,
                                                .on_readable = on_readable,
                                                .on_drained = on_drained,
                                                .on_failed = on_broken};

static void on_task(struct loop_task *task)
{
    struct connection *connection = of_task(task);

    connection->protocol->task(connection);
}

/* ---- handshake ---- */

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
        connection_close(connection, CLOSE_ORDERLY, ERROR_NONE);
        return;
    }
    connection_set_state(connection, CONNECTION_IDLE);
    protocol_start(connection);
}

void connection_fail_handshake(struct connection *connection, enum error error)
{
    const char *why = tls_failure(connection->stream);

    log_info("tenant %.*s: client %.*s: handshake: %s%s%s%s",
             SLICE_PRINTF(frontend_tenant_name(connection->listener->tenant)),
             SLICE_PRINTF(connection->client.peer_host), error_text(error), *why ? " (" : "", why,
             *why ? ")" : "");
    connection_close(connection, CLOSE_NOW, error);
}

static void on_failed(void *owner, enum error error)
{
    connection_fail_handshake(owner, error);
}

static const struct stream_events handshake_events = {.on_open = on_open,
                                                      .on_readable = on_nothing,
                                                      .on_drained = on_nothing,
                                                      .on_failed = on_failed};

static void start_handshake(struct connection *connection)
{
    const struct tls_accept accept = {.select = select_server, .argument = connection};
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    connection->tenant = tenant_ref(connection->listener->tenant->tenant);
    connection->accepted = connection->listener->current;
    connection->client.is_tls = true;
    limits->phase_due = now + LIMIT_HANDSHAKE;
    limits_arm(limits, now);
    tls_accept(connection->stream, connection->accepted->default_server->tls.context, &accept);
}

/* ---- accepted ---- */

static struct slice put_host(char text[INET6_ADDRSTRLEN], const struct address *address)
{
    char full[ADDRESS_TEXT];
    size_t len;

    address_format_host(address, full);
    len = strnlen(full, INET6_ADDRSTRLEN - 1);
    memcpy(text, full, len);
    return (struct slice){text, len};
}

static bool is_wildcard(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* Our own address is the listener's, but for a wildcard, where it costs a system call. */
static void fill_client(struct connection *connection, int fd, const struct address *peer)
{
    const struct config_listen *listen = connection->listener->current->config;
    struct exchange_client *client = &connection->client;
    struct address local;

    address_set(&local, &listen->address.any, listen->address_len);
    if (is_wildcard(&local))
        address_of_socket(fd, &local);
    client->peer_host = put_host(connection->peer_text, peer);
    client->peer_port = address_port(peer);
    client->local_host = put_host(connection->local_text, &local);
    client->local_port = address_port(&local);
    client->connection = ++connection_frontend(connection)->serial;
}

static struct connection *take_memory(struct frontend *frontend)
{
    struct connection *connection = LIST_FIRST(&frontend->free);

    if (connection)
        LIST_REMOVE(connection, of_frontend);
    else
        connection = memory_alloc(sizeof(*connection));
    memset(connection, 0, sizeof(*connection));
    LIST_INSERT_HEAD(&frontend->all, connection, of_frontend);
    return connection;
}

void connection_new(struct front_listener *listener, int fd, const struct address *peer)
{
    struct frontend *frontend = listener_frontend(listener);
    struct connection *connection = take_memory(frontend);

    connection->listener = listener;
    connection->task.run = on_task;
    deadline_init(&connection->limits.deadline, frontend->config.loop, on_deadline);
    fill_client(connection, fd, peer);
    connection->stream = stream_new(frontend->config.loop, fd, &handshake_events, connection);
    chain_init(&connection->h1.in, &frontend->config.loop->buffers);

    listener->connections++;
    listener->tenant->connections++;
    frontend->connections++;
    connection->is_counted = true;
    if (frontend->config.tally)
        tally_add(frontend->config.tally, listener->tenant->slot, frontend->config.column, 1);

    connection->state = listener->current->config->ssl ? CONNECTION_HANDSHAKE : CONNECTION_IDLE;
    TAILQ_INSERT_TAIL(&listener->tenant->busy, connection, of_tenant);
    if (connection->state == CONNECTION_HANDSHAKE)
        start_handshake(connection);
    else
        protocol_start(connection);
}

/* ---- closed ---- */

/* Not before the stream's own grave: TLS may look at what the tenant chose until then. */
static void release(struct connection *connection)
{
    front_h2_side_free(connection);
    if (connection->tenant)
        frontend_release_tenant(connection_frontend(connection), connection->tenant);
    connection->tenant = NULL;
    tls_peer_free(connection->peer);
    connection->peer = NULL;
}

static void on_grave(struct loop_task *task)
{
    struct connection *connection = of_task(task);

    release(connection);
    LIST_REMOVE(connection, of_frontend);
    LIST_INSERT_HEAD(&connection_frontend(connection)->free, connection, of_frontend);
}

static void close_stream(const struct connection *connection, struct stream *stream,
                         enum connection_close how)
{
    double cut_due = connection->limits.cut_due;

    if (cut_due > 0)
        socket_bound_close(stream_fd(stream), cut_due - connection_now(connection));
    switch (how) {
    case CLOSE_NOW:
        stream_close(stream);
        break;
    case CLOSE_RESET:
        stream_close_reset(stream);
        break;
    case CLOSE_ORDERLY:
        stream_flush_close(stream);
        break;
    }
}

void connection_close(struct connection *connection, enum connection_close how, enum error error)
{
    struct frontend *frontend = connection_frontend(connection);
    struct loop *loop = frontend->config.loop;
    struct stream *stream = connection->stream;

    if (connection->state == CONNECTION_CLOSED)
        return;
    connection_set_state(connection, CONNECTION_CLOSED);
    deadline_stop(&connection->limits.deadline);
    loop_cancel(loop, &connection->task);
    if (connection->protocol)
        connection->protocol->close(connection, how, error);
    connection->stream = NULL;
    close_stream(connection, stream, how);
    connection->task.run = on_grave;
    loop_bury(loop, &connection->task);
    frontend_forget_connection(connection->listener, connection->is_counted);
}

void connection_close_all(struct frontend *frontend)
{
    struct connection *connection, *next;

    for (connection = LIST_FIRST(&frontend->all); connection; connection = next) {
        next = LIST_NEXT(connection, of_frontend);
        connection_close(connection, CLOSE_NOW, ERROR_NONE);
        /* Its grave would look for the frontend; and the backends may go before it. */
        loop_cancel(frontend->config.loop, &connection->task);
        release(connection);
    }
}

static void free_list(struct connection *connection)
{
    while (connection) {
        struct connection *next = LIST_NEXT(connection, of_frontend);

        free(connection);
        connection = next;
    }
}

void connection_free_all(struct frontend *frontend)
{
    free_list(LIST_FIRST(&frontend->all));
    free_list(LIST_FIRST(&frontend->free));
}
