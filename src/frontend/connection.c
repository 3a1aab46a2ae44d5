/* SPDX-License-Identifier: MIT */
/* A client connection's life: accepted, handed to what it speaks, closed. */
#include "connection_internal.h"
#include "registry_internal.h"

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

static const char *const state_names[] = {
#define X(name, text) [CONNECTION_##name] = text,
    CONNECTION_STATES(X)
#undef X
};

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
        [CONNECTION_IDLE] = TO(ACTIVE) | TO(LINGER) | TO(CLOSED),
        [CONNECTION_ACTIVE] = TO(IDLE) | TO(LINGER) | TO(CLOSED),
        [CONNECTION_LINGER] = TO(CLOSED),
        [CONNECTION_CLOSED] = 0,
    };
#undef TO
    struct frontend_tenant *tenant = connection->listener->tenant;

    if (state == connection->state)
        return;
    assert(legal[connection->state] & 1u << state);
    log_debug("client %llu: %s to %s", (unsigned long long)connection->client.connection,
              state_names[connection->state], state_names[state]);
    TAILQ_REMOVE(connection->is_spare ? &tenant->idle : &tenant->busy, connection, of_tenant);
    if (connection->state == CONNECTION_HANDSHAKE)
        handshake_limits_leave(connection);
    connection->state = state;
    if (state != CONNECTION_CLOSED)
        enlist(connection);
}

/* Its queue has become empty: it may be one now that can be closed to make room. */
static void note_flushed(struct connection *connection)
{
    struct frontend_tenant *tenant = connection->listener->tenant;

    if (connection->is_spare || !is_spare(connection))
        return;
    TAILQ_REMOVE(&tenant->busy, connection, of_tenant);
    enlist(connection);
}

void connection_write(struct connection *connection, struct chain *bytes, double timeout)
{
    double now = connection_now(connection);

    if (bytes->len == 0)
        return;
    stream_write(connection->stream, bytes);
    limits_send_start(&connection->limits, now, timeout);
    limits_arm(&connection->limits, now);
}

/* ---- clocks ---- */

void connection_set_timeout(struct connection *connection, double seconds)
{
    double now = connection_now(connection);

    connection->limits.phase_due = now + seconds;
    limits_arm(&connection->limits, now);
}

void connection_stop_timeout(struct connection *connection)
{
    connection->limits.phase_due = 0;
    limits_arm(&connection->limits, connection_now(connection));
}

static void check_clocks(struct connection *connection, double now)
{
    struct frontend *frontend = listener_frontend(connection->listener);
    struct limits *limits = &connection->limits;

    if (limits->cut_due > 0 && now >= limits->cut_due) {
        frontend->cut += frontend->is_draining;
        connection_close(connection, CLOSE_DRAIN_LIMIT);
    } else if (limits_send_is_slow(limits, now, connection->stream)) {
        connection_close(connection, CLOSE_SEND_TIMEOUT);
    } else {
        connection->protocol->check(connection, now);
    }
}

static void on_deadline(struct deadline *deadline)
{
    struct connection *connection = of_deadline(deadline);
    double now = connection_now(connection) + DEADLINE_SLACK;

    connection->limits.is_excused = connection_heard(connection) < now - DEADLINE_SLACK;
    check_clocks(connection, now);
    if (connection->state != CONNECTION_CLOSED)
        limits_arm(&connection->limits, connection_now(connection));
}

/* ---- what it speaks is told ---- */

void connection_speak(struct connection *connection, const struct protocol *protocol)
{
    connection->protocol = protocol;
    stream_set_owner(connection->stream, &connection_events, connection);
    if (protocol->start)
        protocol->start(connection);
}

static void on_open(void *owner)
{
    (void)owner;
}

static void on_readable(void *owner)
{
    struct connection *connection = owner;

    connection->protocol->readable(connection);
}

static void on_writable(void *owner)
{
    struct connection *connection = owner;

    if (stream_queued(connection->stream) == 0) {
        limits_send_stop(&connection->limits);
        limits_arm(&connection->limits, connection_now(connection));
        note_flushed(connection);
    }
    if (connection->protocol->writable)
        connection->protocol->writable(connection);
}

enum close_reason connection_failure(enum error error)
{
    switch (error) {
    case ERROR_END:
        return CLOSE_CLIENT_GONE;
    case ERROR_RESET:
        return CLOSE_CLIENT_RESET;
    case ERROR_TRUNCATED:
        return CLOSE_CLIENT_TRUNCATED;
    case ERROR_TLS:
        return CLOSE_TLS;
    default:
        return CLOSE_SYSTEM;
    }
}

static void on_failed(void *owner, enum error error)
{
    struct connection *connection = owner;

    if (connection->protocol->failed)
        connection->protocol->failed(connection, error);
    else
        connection_close(connection, connection_failure(error));
}

const struct stream_events connection_events = {.on_open = on_open,
                                                .on_readable = on_readable,
                                                .on_writable = on_writable,
                                                .on_failed = on_failed};

void connection_defer(struct connection *connection)
{
    loop_defer(connection_loop(connection), &connection->task);
}

static void on_task(struct loop_task *task)
{
    struct connection *connection = of_task(task);

    if (connection->must_retire)
        connection_retire_now(connection);
    if (connection->state != CONNECTION_CLOSED && connection->protocol->task)
        connection->protocol->task(connection);
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

/* Our own address is the listener's, but for a wildcard, where it costs a system call. */
static void fill_client(struct connection *connection, int fd, const struct address *peer)
{
    const struct config_listen *listen = connection->listener->current->config;
    struct exchange_client *client = &connection->client;
    struct address local = listen->address;

    if (address_is_wildcard(&local))
        address_of_socket(fd, &local);
    client->peer_host = put_host(connection->peer_text, peer);
    client->peer_port = address_port(peer);
    client->local_host = put_host(connection->local_text, &local);
    client->local_port = address_port(&local);
    client->connection = ++listener_frontend(connection->listener)->serial;
    client->accepted = loop_now(listener_frontend(connection->listener)->config.loop);
    client->tls_seconds = -1;
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

struct connection *connection_new(struct front_listener *listener, int fd,
                                  const struct address *peer)
{
    struct frontend *frontend = listener_frontend(listener);
    struct loop *loop = frontend->config.loop;
    struct connection *connection = take_memory(frontend);

    connection->listener = listener;
    connection->task.run = on_task;
    deadline_init(&connection->limits.deadline, loop, on_deadline);
    fill_client(connection, fd, peer);
    connection->stream = stream_new(loop, fd, &connection_events, connection);
    chain_init(&connection->in, &loop->buffers);
    connection->is_counted = true;
    counting_accepted(connection);
    tenants_count_connection(listener);
    TAILQ_INSERT_TAIL(&listener->tenant->busy, connection, of_tenant);
    return connection;
}

/* ---- closed ---- */

/* Not before the stream's own grave: TLS may look at what the tenant chose until then. */
static void release(struct connection *connection)
{
    if (connection->tenant)
        tenants_release(listener_frontend(connection->listener), connection->tenant);
    connection->tenant = NULL;
    tls_peer_free(connection->peer);
    connection->peer = NULL;
}

static void on_grave(struct loop_task *task)
{
    struct connection *connection = of_task(task);

    release(connection);
    LIST_REMOVE(connection, of_frontend);
    LIST_INSERT_HEAD(&listener_frontend(connection->listener)->free, connection, of_frontend);
}

static void close_stream(const struct connection *connection, enum close_manner manner)
{
    struct stream *stream = connection->stream;
    double cut_due = connection->limits.cut_due;

    if (cut_due > 0)
        socket_bound_close(stream_fd(stream), cut_due - connection_now(connection));
    switch (manner) {
    case CLOSE_MANNER_NOW:
        stream_close(stream);
        break;
    case CLOSE_MANNER_RESET:
        stream_close_reset(stream);
        break;
    case CLOSE_MANNER_ORDERLY:
        stream_flush_close(stream);
        break;
    }
}

void connection_close(struct connection *connection, enum close_reason reason)
{
    const struct protocol *protocol = connection->protocol;
    enum close_manner manner = close_manner(reason);
    struct loop_share *before;
    struct loop *loop;

    if (connection->state == CONNECTION_CLOSED)
        return;
    /* Lingering is over. */
    if (connection->state == CONNECTION_LINGER && reason == connection->reason)
        manner = CLOSE_MANNER_NOW;
    loop = connection_loop(connection);
    /* Whoever closes it: its grave reads the listener, which may be freed in this share. */
    before = loop_enter(loop, connection->listener->tenant->share);
    connection->reason = reason;
    connection->client.closed = reason;
    log_debug("client %llu: %s: %s", (unsigned long long)connection->client.connection,
              close_token(reason), close_text(reason));
    if (connection->state == CONNECTION_HANDSHAKE)
        counting_unshaken(connection, reason);
    connection_set_state(connection, CONNECTION_CLOSED);
    if (manner == CLOSE_MANNER_ORDERLY && protocol->farewell)
        protocol->farewell(connection);
    if (protocol->end)
        protocol->end(connection, close_error(reason));
    chain_clear(&connection->in);
    deadline_stop(&connection->limits.deadline);
    loop_cancel(loop, &connection->task);
    close_stream(connection, manner);
    counting_closed(connection);
    connection->stream = NULL;
    connection->task.run = on_grave;
    loop_bury(loop, &connection->task);
    tenants_uncount_connection(connection->listener, connection->is_counted);
    loop_leave(loop, before);
}

void connection_close_all(struct frontend *frontend)
{
    struct connection *connection, *next;

    for (connection = LIST_FIRST(&frontend->all); connection; connection = next) {
        next = LIST_NEXT(connection, of_frontend);
        connection_close(connection, CLOSE_SHUTDOWN);
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
