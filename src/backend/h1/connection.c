/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 connection to a server: opened, joined to exchanges, told of what becomes of them. */
#include "h1/h1_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "netns_internal.h"

#include <stdlib.h>

static void on_grave(struct loop_task *task)
{
    free(CONTAINER_OF(task, struct back_h1, grave));
}

/* ---- what the exchange tells ---- */

static void on_body(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct back_h1 *connection = back;
    if (connection->sending == SENDING_BODY)
        back_h1_send(connection);
}

static void on_room(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct back_h1 *connection = back;
    if (!connection->is_paused)
        return;
    connection->is_paused = false;
    back_h1_touch(connection);
    stream_resume(connection->stream);
}

static void on_abort(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct back_h1 *connection = back;
    /* The frontend closes as soon as it has the response's end: that is no abort. */
    if (connection->receiving == RECEIVING_DONE)
        back_h1_finish(connection);
    else
        back_h1_abort(connection);
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
static void on_idle_readable(struct back_h1 *connection)
{
    long len = stream_read(connection->stream, &connection->in, 1);
    if (len != 0)
        back_h1_close(connection, len < 0 ? (int)len : ERROR_RESPONSE);
}

static void on_readable(void *owner)
{
    struct back_h1 *connection = owner;
    if (connection->state == BACK_H1_IDLE)
        on_idle_readable(connection);
    else
        back_h1_receive(connection);
}

static void on_writable(void *owner)
{
    struct back_h1 *connection = owner;
    if (!connection->exchange)
        return;
    if (connection->sending == SENDING_BODY)
        back_h1_send(connection);
    else
        back_h1_finish_tunnel(connection);
}

static void on_failed(void *owner, enum error error)
{
    struct back_h1 *connection = owner;
    switch (connection->state) {
    case BACK_H1_CONNECTING: /* taken over and not begun */
        back_h1_fail(connection, error);
        break;
    case BACK_H1_ACTIVE:
    case BACK_H1_TUNNEL:
        connection->sending = SENDING_DROPPED;
        back_h1_receive_last(connection);
        break;
    case BACK_H1_IDLE:
    case BACK_H1_CLOSED:
        back_h1_close(connection, error);
        break;
    }
}

static const struct stream_events stream_ops = {.on_open = on_open,
                                                .on_readable = on_readable,
                                                .on_writable = on_writable,
                                                .on_failed = on_failed};

/* ---- joining an exchange ---- */

static void on_start(struct loop_task *task)
{
    struct back_h1 *connection = CONTAINER_OF(task, struct back_h1, start);
    if (connection->state == BACK_H1_CONNECTING)
        back_h1_set_state(connection, BACK_H1_ACTIVE);
    back_h1_begin(connection);
}

static void join(struct back_h1 *connection, struct exchange *exchange,
                 struct backend_attempts *attempts)
{
    connection->exchange = exchange;
    connection->attempts = attempts;
    connection->sending = SENDING_WAITS;
    connection->receiving = RECEIVING_HEAD;
    connection->is_paused = false;
    connection->taken = 0;
    connection->head = (struct h1_head_reader){0};
    connection->interim_count = 0;
    connection->interim_bytes = 0;
    connection->read_timeout = attempts->settings->proxy_read_timeout;
    connection->send_timeout = attempts->settings->proxy_send_timeout;
    endpoint_enter(connection->base.endpoint);
    exchange_attach(exchange, &back_ops, connection);
}

static void assign(struct backend_connection *base, struct exchange *exchange,
                   struct backend_attempts *attempts)
{
    struct back_h1 *connection = (struct back_h1 *)base;
    join(connection, exchange, attempts);
    connection->is_reused = true;
    connection->out_start = stream_bytes_out(connection->stream);
    connection->in_start = stream_bytes_in(connection->stream);
    back_h1_set_state(connection, BACK_H1_ACTIVE);
    loop_defer(connection->loop, &connection->start);
}

static struct back_h1 *connection_new(struct backend_endpoint *endpoint, struct loop *loop)
{
    struct back_h1 *connection = memory_zeroed(1, sizeof(*connection));
    connection->base.protocol = &back_h1_protocol;
    connection->base.endpoint = endpoint;
    connection->base.opened = loop_now(loop);
    endpoint_connection_made(endpoint);
    connection->loop = loop;
    connection->start.run = on_start;
    connection->grave.run = on_grave;
    chain_init(&connection->in, &loop->buffers);
    chain_init(&connection->wire, &loop->buffers);
    deadline_init(&connection->deadline, loop, back_h1_on_expired);
    return connection;
}

static void take_over(struct backend_endpoint *endpoint, struct stream *stream,
                      struct exchange *exchange, struct backend_attempts *attempts)
{
    struct back_h1 *connection = connection_new(endpoint, exchange->loop);
    connection->stream = stream;
    stream_set_owner(stream, &stream_ops, connection);
    backend_netns_join(&connection->base);
    join(connection, exchange, attempts);
    loop_defer(connection->loop, &connection->start);
}

/* ---- opening ---- */

static void on_link_open(struct backend_connection *base, struct stream *stream,
                         enum link_protocol protocol)
{
    struct back_h1 *connection = (struct back_h1 *)base;
    (void)protocol;
    connection->link = NULL;
    connection->stream = stream;
    stream_set_owner(stream, &stream_ops, connection);
    back_h1_set_state(connection, BACK_H1_ACTIVE);
    back_h1_begin(connection);
}

static void on_link_failed(struct backend_connection *base, enum error error, struct slice reason)
{
    struct back_h1 *connection = (struct back_h1 *)base;
    struct exchange *exchange = connection->exchange;
    connection->link = NULL;
    exchange->reason = arena_slice(&exchange->arena, reason);
    back_h1_fail(connection, error);
}

static const struct link_events link_ops = {.on_open = on_link_open, .on_failed = on_link_failed};

static int open_new(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts)
{
    struct back_h1 *connection = connection_new(endpoint, exchange->loop);
    connection->link =
        link_open(&connection->base, attempts->settings->proxy_connect_timeout, &link_ops);
    if (!connection->link) {
        endpoint_connection_ended(endpoint);
        free(connection);
        return ERROR_DESCRIPTORS;
    }
    making_add(&endpoint->making, &connection->base);
    join(connection, exchange, attempts);
    return 0;
}

static void close_idle(struct backend_connection *base, int reason)
{
    back_h1_close((struct back_h1 *)base, reason);
}

static void cut(struct backend_connection *base)
{
    struct back_h1 *connection = (struct back_h1 *)base;
    enum error error =
        connection->state == BACK_H1_CONNECTING ? ERROR_CONNECT : ERROR_BACKEND_RESET;
    if (!connection->exchange) {
        back_h1_close(connection, BACKEND_CLOSE_NETNS_GONE);
        return;
    }
    connection->exchange->reason = SLICE("its network namespace is gone");
    back_h1_fail(connection, error);
}

static void leave_netns(struct backend_connection *base)
{
    struct back_h1 *connection = (struct back_h1 *)base;
    if (connection->state == BACK_H1_IDLE)
        back_h1_close(connection, BACKEND_CLOSE_NETNS_GONE);
}

const struct backend_protocol back_h1_protocol = {.open = open_new,
                                                  .assign = assign,
                                                  .close = close_idle,
                                                  .leave = leave_netns,
                                                  .cut = cut,
                                                  .take_over = take_over};
