/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 connection to a server: opened, joined to exchanges, told of what becomes of them. */
#include "h1_internal.h"

#include "base/memory.h"
#include "stock_internal.h"

#include <stdlib.h>

static void on_grave(struct loop_task *task)
{
    free((char *)task - offsetof(struct h1_connection, grave));
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
    if (connection->receiving == RECEIVING_DONE)
        h1_connection_finish(connection);
    else
        h1_connection_abort(connection);
}

static const struct exchange_back back_ops = {
    .on_body = on_body, .on_room = on_room, .on_abort = on_abort};

/* ---- what the stream tells ---- */

/* Not told of: streams are open when they come here. */
static void on_open(void *owner)
{
    (void)owner;
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
    case H1_CONNECTING: /* taken over and not begun */
        h1_connection_fail(connection, error);
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
    if (connection->phase == H1_CONNECTING)
        h1_connection_set_phase(connection, H1_ACTIVE);
    h1_connection_begin(connection);
}

static void join(struct h1_connection *connection, struct exchange *exchange,
                 const struct backend_attempts *attempts)
{
    connection->exchange = exchange;
    connection->sending = SENDING_WAITS;
    connection->receiving = RECEIVING_HEAD;
    connection->is_paused = false;
    connection->taken = 0;
    connection->head = (struct h1_head_reader){0};
    connection->interim_count = 0;
    connection->interim_bytes = 0;
    connection->read_timeout = attempts->settings->proxy_read_timeout;
    connection->send_timeout = attempts->settings->proxy_send_timeout;
    group_enter(connection->base.endpoint->group);
    exchange_attach(exchange, &back_ops, connection);
}

static void h1_assign(struct backend_connection *base, struct exchange *exchange,
                      struct backend_attempts *attempts)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    join(connection, exchange, attempts);
    connection->is_reused = true;
    connection->out_start = stream_bytes_out(connection->stream);
    connection->in_start = stream_bytes_in(connection->stream);
    h1_connection_set_phase(connection, H1_ACTIVE);
    loop_defer(connection->loop, &connection->start);
}

static struct h1_connection *connection_new(struct backend_endpoint *endpoint, struct loop *loop)
{
    struct h1_connection *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = &h1_protocol;
    connection->base.endpoint = endpoint;
    connection->base.opened = loop_now(loop);
    endpoint_ref(endpoint);
    connection->loop = loop;
    connection->start.run = on_start;
    connection->grave.run = on_grave;
    chain_init(&connection->in, &loop->buffers);
    chain_init(&connection->wire, &loop->buffers);
    deadline_init(&connection->deadline, loop, h1_connection_on_expired);
    return connection;
}

static void h1_take_over(struct backend_endpoint *endpoint, struct stream *stream,
                         struct exchange *exchange, struct backend_attempts *attempts)
{
    struct h1_connection *connection = connection_new(endpoint, exchange->loop);
    connection->stream = stream;
    stream_set_owner(stream, &stream_ops, connection);
    stock_join(&connection->base);
    join(connection, exchange, attempts);
    loop_defer(connection->loop, &connection->start);
}

/* ---- opening ---- */

static void on_link_open(struct backend_connection *base, struct stream *stream,
                         enum link_protocol protocol)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    (void)protocol;
    connection->link = NULL;
    connection->stream = stream;
    stream_set_owner(stream, &stream_ops, connection);
    h1_connection_set_phase(connection, H1_ACTIVE);
    h1_connection_begin(connection);
}

static void on_link_failed(struct backend_connection *base, enum error error, struct slice reason)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    struct exchange *exchange = connection->exchange;
    connection->link = NULL;
    exchange->reason = arena_slice(&exchange->arena, reason);
    h1_connection_fail(connection, error);
}

static const struct link_events link_ops = {.on_open = on_link_open, .on_failed = on_link_failed};

static int h1_open(struct backend_endpoint *endpoint, struct exchange *exchange,
                   struct backend_attempts *attempts)
{
    struct h1_connection *connection = connection_new(endpoint, exchange->loop);
    connection->link =
        link_open(&connection->base, attempts->settings->proxy_connect_timeout, &link_ops);
    if (connection->link == NULL) {
        endpoint_unref(endpoint);
        free(connection);
        return ERROR_DESCRIPTORS;
    }
    join(connection, exchange, attempts);
    return 0;
}

static void h1_close(struct backend_connection *base)
{
    h1_connection_close((struct h1_connection *)base);
}

static void h1_cut(struct backend_connection *base)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    enum error error = connection->phase == H1_CONNECTING ? ERROR_CONNECT : ERROR_BACKEND_RESET;
    if (connection->exchange == NULL) {
        h1_connection_close(connection);
        return;
    }
    connection->exchange->reason = SLICE("its network namespace is gone");
    h1_connection_fail(connection, error);
}

static void h1_leave(struct backend_connection *base)
{
    struct h1_connection *connection = (struct h1_connection *)base;
    if (connection->phase == H1_IDLE)
        h1_connection_close(connection);
}

const struct backend_protocol h1_protocol = {.open = h1_open,
                                             .assign = h1_assign,
                                             .close = h1_close,
                                             .leave = h1_leave,
                                             .cut = h1_cut,
                                             .take_over = h1_take_over};
