/* SPDX-License-Identifier: MIT */
/* The life of an HTTP/1.1 connection to a server: connect, serve, lie idle, close. */
#include "h1_internal.h"

#include "balance_internal.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/socket.h"
#include "pool_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const char *const phase_names[] = {"connecting", "active", "tunnel", "idle", "closed"};

void h1_connection_set_phase(struct h1_connection *connection, enum h1_phase phase)
{
    static const uint8_t legal[] = {
        [H1_CONNECTING] = 1 << H1_ACTIVE | 1 << H1_CLOSED,
        [H1_ACTIVE] = 1 << H1_TUNNEL | 1 << H1_IDLE | 1 << H1_CLOSED,
        [H1_TUNNEL] = 1 << H1_CLOSED,
        [H1_IDLE] = 1 << H1_ACTIVE | 1 << H1_CLOSED,
        [H1_CLOSED] = 0,
    };
    (void)legal; /* without assertions */
    assert(legal[connection->phase] >> phase & 1);
    log_debug("backend %s: %s -> %s", connection->base.endpoint->text,
              phase_names[connection->phase], phase_names[phase]);
    connection->phase = phase;
}

static void on_grave(struct loop_task *task)
{
    free((char *)task - offsetof(struct h1_connection, grave));
}

void h1_connection_close(struct h1_connection *connection)
{
    if (connection->phase == H1_CLOSED)
        return;
    assert(connection->exchange == NULL);
    pool_remove(&connection->base);
    deadline_stop(&connection->deadline);
    loop_cancel(connection->loop, &connection->start);
    /* What a tunnel's client said before it left is still due; a request cut short is not. */
    if (connection->phase == H1_TUNNEL)
        stream_flush_close(connection->stream);
    else
        stream_close(connection->stream);
    connection->stream = NULL;
    chain_clear(&connection->in);
    chain_clear(&connection->wire);
    h1_connection_set_phase(connection, H1_CLOSED);
    endpoint_unref(connection->base.endpoint);
    connection->base.endpoint = NULL;
    loop_bury(connection->loop, &connection->grave);
}

/* ---- leaving the exchange ---- */

static void leave(struct h1_connection *connection)
{
    connection->exchange = NULL;
    group_leave(connection->base.endpoint->group);
}

static bool has_answered(const struct h1_connection *connection)
{
    return connection->stream != NULL &&
           stream_bytes_in(connection->stream) != connection->in_start;
}

/* Whether max_fails counts it: what the client did is not the server's fault, a response that had
 * begun shows a living server, and a kept connection may die of its server's idle timeout. */
static bool is_failure(const struct h1_connection *connection, enum error error)
{
    if (connection->receiving != RECEIVING_HEAD || error == ERROR_CLIENT_GONE ||
        error == ERROR_LENGTH)
        return false;
    bool is_closed = error == ERROR_BACKEND_CLOSED || error == ERROR_BACKEND_RESET;
    return !(connection->is_reused && is_closed && !has_answered(connection));
}

void h1_connection_fail(struct h1_connection *connection, enum error error)
{
    struct exchange *exchange = connection->exchange;
    bool untouched =
        connection->taken == 0 && (connection->stream == NULL ||
                                   stream_bytes_out(connection->stream) == connection->out_start);
    if (is_failure(connection, error))
        balance_failed(connection->base.endpoint, loop_now(connection->loop));
    leave(connection);
    h1_connection_close(connection);
    exchange_fail_back(exchange, error, untouched);
}

static bool is_keepable(const struct h1_connection *connection)
{
    return connection->phase == H1_ACTIVE && connection->facts.keep_alive &&
           connection->facts.framing != H1_UNTIL_CLOSE && connection->sending == SENDING_DONE &&
           stream_queued(connection->stream) == 0 && connection->in.len == 0;
}

void h1_connection_finish(struct h1_connection *connection)
{
    bool keeps = is_keepable(connection);
    leave(connection);
    if (!keeps || !pool_put(&connection->base)) {
        h1_connection_close(connection);
        return;
    }
    h1_connection_set_phase(connection, H1_IDLE);
    if (connection->is_paused)
        stream_resume(connection->stream);
    deadline_set(&connection->deadline, POOL_IDLE_SECONDS);
}

void h1_connection_finish_tunnel(struct h1_connection *connection)
{
    if (connection->phase != H1_TUNNEL || connection->sending != SENDING_DONE ||
        connection->receiving != RECEIVING_DONE || stream_queued(connection->stream) > 0)
        return;
    exchange_detach(connection->exchange);
    h1_connection_finish(connection);
}

/* ---- what the exchange tells ---- */

static void on_body(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct h1_connection *connection = back;
    if (connection->sending == SENDING_BODY)
        h1_connection_send(connection);
}

static void on_room(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct h1_connection *connection = back;
    if (!connection->is_paused)
        return;
    connection->is_paused = false;
    h1_connection_touch(connection);
    stream_resume(connection->stream);
}

static void on_abort(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct h1_connection *connection = back;
    /* The frontend closes as soon as it has the response's end: that is no abort. */
    if (connection->receiving == RECEIVING_DONE) {
        h1_connection_finish(connection);
        return;
    }
    leave(connection);
    h1_connection_close(connection);
}

static const struct exchange_back back_ops = {
    .on_body = on_body, .on_room = on_room, .on_abort = on_abort};

/* ---- what the stream tells ---- */

static void on_open(void *owner)
{
    struct h1_connection *connection = owner;
    h1_connection_set_phase(connection, H1_ACTIVE);
    h1_connection_begin(connection);
}

/* Whatever comes while nothing was asked for, the connection is of no use any more. */
static void on_idle_readable(struct h1_connection *connection)
{
    if (stream_read(connection->stream, &connection->in, 1) != 0)
        h1_connection_close(connection);
}

static void on_readable(void *owner)
{
    struct h1_connection *connection = owner;
    if (connection->phase == H1_IDLE)
        on_idle_readable(connection);
    else
        h1_connection_receive(connection);
}

static void on_drained(void *owner)
{
    struct h1_connection *connection = owner;
    if (connection->exchange == NULL)
        return;
    if (connection->sending == SENDING_BODY)
        h1_connection_send(connection);
    else
        h1_connection_finish_tunnel(connection);
}

static void on_failed(void *owner, enum error error)
{
    struct h1_connection *connection = owner;
    switch (connection->phase) {
    case H1_CONNECTING:
        connection->exchange->connect_errno = stream_errno(connection->stream);
        h1_connection_fail(connection,
                           error == ERROR_CONNECT_TIMEOUT ? ERROR_CONNECT_TIMEOUT : ERROR_CONNECT);
        break;
    case H1_ACTIVE:
    case H1_TUNNEL:
        connection->sending = SENDING_DROPPED;
        h1_connection_receive_last(connection);
        break;
    case H1_IDLE:
    case H1_CLOSED:
        h1_connection_close(connection);
        break;
    }
}

static const struct stream_events stream_ops = {.on_open = on_open,
                                                .on_readable = on_readable,
                                                .on_drained = on_drained,
                                                .on_failed = on_failed};

/* ---- joining an exchange ---- */

static void on_start(struct loop_task *task)
{
    struct h1_connection *connection =
        (struct h1_connection *)((char *)task - offsetof(struct h1_connection, start));
    if (connection->stream == NULL)
        h1_connection_fail(connection, ERROR_CONNECT);
    else
        h1_connection_begin(connection);
}

static void join(struct h1_connection *connection, struct exchange *exchange,
                 const struct config_settings *settings)
{
    connection->exchange = exchange;
    connection->sending = SENDING_WAITS;
    connection->receiving = RECEIVING_HEAD;
    connection->is_paused = false;
    connection->taken = 0;
    connection->head = (struct h1_head_reader){0};
    connection->interim_count = 0;
    connection->interim_bytes = 0;
    connection->read_timeout = settings->proxy_read_timeout;
    connection->send_timeout = settings->proxy_send_timeout;
    group_enter(connection->base.endpoint->group);
    exchange_attach(exchange, &back_ops, connection);
}

static void h1_assign(struct backend_connection *base, struct exchange *exchange,
                      const struct config_settings *settings)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    join(connection, exchange, settings);
    connection->is_reused = true;
    connection->out_start = stream_bytes_out(connection->stream);
    connection->in_start = stream_bytes_in(connection->stream);
    h1_connection_set_phase(connection, H1_ACTIVE);
    loop_defer(connection->loop, &connection->start);
}

static int h1_open(struct backend_endpoint *endpoint, struct exchange *exchange,
                   const struct config_settings *settings)
{
    int fd = socket_for(endpoint->address.any.sa_family);
    int failed = fd < 0 ? errno : 0;
    if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM)
        return ERROR_DESCRIPTORS;
    struct h1_connection *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = &h1_protocol;
    connection->base.endpoint = endpoint;
    endpoint_ref(endpoint);
    connection->loop = exchange->loop;
    connection->start.run = on_start;
    connection->grave.run = on_grave;
    chain_init(&connection->in, &exchange->loop->buffers);
    chain_init(&connection->wire, &exchange->loop->buffers);
    deadline_init(&connection->deadline, exchange->loop, h1_connection_on_expired);
    join(connection, exchange, settings);
    if (fd >= 0) {
        connection->stream =
            stream_connect(exchange->loop, fd, &endpoint->address, &stream_ops, connection);
        failed = errno;
    }
    if (connection->stream == NULL) {
        exchange->connect_errno = failed;
        loop_defer(connection->loop, &connection->start);
        return 0;
    }
    deadline_set(&connection->deadline, settings->proxy_connect_timeout);
    return 0;
}

static void h1_close(struct backend_connection *base)
{
    h1_connection_close((struct h1_connection *)base);
}

const struct backend_protocol h1_protocol = {
    .open = h1_open, .assign = h1_assign, .close = h1_close};
