/* SPDX-License-Identifier: MIT */
/* HTTP/2 connections being opened and joined: the protocol as the rest of the room knows it. */
#include "h2/h2_internal.h"

#include "base/log.h"
#include "netns_internal.h"
#include "pool_internal.h"

#include <stdlib.h>

/* Seconds of silence after which a connection that rested has to show that it lives before it gets
 * a request: middleboxes forget idle flows without a word. */
#define SILENCE_MAX 15.0

/* ALPN did not agree on HTTP/2: whoever waits goes on in HTTP/1.1, one for each connection. */
static void fall_back(struct back_h2 *connection, struct stream *stream)
{
    struct backend_endpoint *endpoint = connection->base.endpoint;
    struct back_h2_call *call = TAILQ_FIRST(&connection->waiting);
    struct exchange *exchange = call->exchange;
    struct backend_attempts *attempts = call->attempts;
    endpoint->capacity = 1;
    pool_unshare(&connection->base);
    back_h2_call_part(call);
    endpoint->group->backends->http1->take_over(endpoint, stream, exchange, attempts);
    while ((call = TAILQ_FIRST(&connection->waiting)))
        back_h2_call_send_elsewhere(call);
    back_h2_close(connection, BACKEND_CLOSE_HTTP1_CHOSEN);
}

/* RFC 9113 section 3.4: the first request need not wait for the server's SETTINGS, which surely
 * allow one; only an extended CONNECT must (RFC 8441 section 3). */
static void greet(struct back_h2 *connection)
{
    struct back_h2_call *call = TAILQ_FIRST(&connection->waiting);
    back_h2_set_state(connection, BACK_H2_GREETING);
    if (call && !http_is_websocket(call->exchange->forward.upgrade))
        back_h2_call_begin(call);
    back_h2_wake(connection);
}

static void on_settings(void *owner)
{
    struct back_h2 *connection = owner;
    uint32_t most = h2_requests_most(connection->session);
    connection->base.endpoint->capacity = most > 0 ? most : 1;
    if (connection->state == BACK_H2_GREETING)
        back_h2_set_state(connection, BACK_H2_SERVING);
    connection->is_barren = most == 0 && !connection->has_served;
    back_h2_hold_waiting(connection);
    back_h2_wake(connection);
}

static void on_goaway(void *owner, uint32_t last_stream, uint32_t code)
{
    struct back_h2 *connection = owner;
    log_debug("backend %s: GOAWAY, last stream %u, code %u", connection->base.endpoint->text,
              last_stream, code);
    if (code == H2_HTTP_1_1_REQUIRED)
        endpoint_require_http1(connection->base.endpoint);
    back_h2_drain(connection);
}

static const struct h2_events session_events = {.on_response = back_h2_call_on_response,
                                                .on_data = back_h2_call_on_data,
                                                .on_end = back_h2_call_on_end,
                                                .on_read = back_h2_call_on_read,
                                                .on_closed = back_h2_call_on_closed,
                                                .on_settings = on_settings,
                                                .on_goaway = on_goaway};

static void cut(struct backend_connection *base)
{
    struct back_h2 *connection = (struct back_h2 *)base;
    bool is_connecting = connection->state == BACK_H2_CONNECTING;
    struct back_h2_call *call;
    TAILQ_FOREACH (call, &connection->waiting, next)
        call->exchange->reason = SLICE("its network namespace is gone");
    back_h2_fail(connection, is_connecting ? ERROR_CONNECT : ERROR_BACKEND_RESET);
    /* Whoever cuts it goes on when it is gone. */
    while (connection->state != BACK_H2_CLOSED)
        back_h2_fail_some(connection);
}

static void on_link_open(struct backend_connection *base, struct stream *stream,
                         enum link_protocol protocol)
{
    struct back_h2 *connection = (struct back_h2 *)base;
    connection->link = NULL;
    if (connection->attached == 0) {
        stream_close(stream);
        back_h2_close(connection, BACKEND_CLOSE_ABORTED);
        return;
    }
    if (protocol != LINK_HTTP_2 && connection->base.standing == BACKEND_STALE) {
        stream_close_reset(stream); /* nothing new begins there */
        cut(&connection->base);
        return;
    }
    if (protocol != LINK_HTTP_2) {
        fall_back(connection, stream);
        return;
    }
    struct h2_settings settings;
    h2_settings_init(&settings, H2_CLIENT);
    settings.is_tls = connection->base.endpoint->group->tls.context;
    connection->session = h2_session_new(H2_CLIENT, &settings, &session_events, connection,
                                         &connection->loop->buffers);
    connection->wire = stream;
    connection->heard = loop_now(connection->loop);
    stream_set_owner(stream, &back_h2_stream_events, connection);
    greet(connection);
}

static void on_link_failed(struct backend_connection *base, enum error error, struct slice reason)
{
    struct back_h2 *connection = (struct back_h2 *)base;
    struct back_h2_call *call;
    connection->link = NULL;
    TAILQ_FOREACH (call, &connection->waiting, next)
        call->exchange->reason = arena_slice(&call->exchange->arena, reason);
    back_h2_fail(connection, error);
}

static const struct link_events link_ops = {.on_open = on_link_open, .on_failed = on_link_failed};

static int open_new(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts)
{
    struct back_h2 *connection = back_h2_new(endpoint, exchange->loop);
    /* One that was sent here from elsewhere has what is left of its time. */
    double seconds =
        attempts->started + attempts->settings->proxy_connect_timeout - loop_now(exchange->loop);
    connection->link = link_open(&connection->base, seconds, &link_ops);
    if (!connection->link) {
        endpoint_connection_ended(endpoint);
        free(connection);
        return ERROR_DESCRIPTORS;
    }
    connection->patience = attempts->settings->proxy_connect_timeout;
    making_add(&endpoint->making, &connection->base);
    back_h2_call_new(connection, exchange, attempts);
    back_h2_share(connection);
    return 0;
}

/* ---- joining ---- */

static void wake_up(struct back_h2 *connection)
{
    back_h2_set_state(connection, BACK_H2_SERVING);
    deadline_clear(&connection->deadline);
    if (loop_now(connection->loop) - connection->heard > SILENCE_MAX)
        back_h2_probe(connection);
}

static void assign(struct backend_connection *base, struct exchange *exchange,
                   struct backend_attempts *attempts)
{
    struct back_h2 *connection = (struct back_h2 *)base;
    if (connection->state == BACK_H2_IDLE)
        wake_up(connection);
    struct back_h2_call *call = back_h2_call_new(connection, exchange, attempts);
    if (connection->state == BACK_H2_SERVING && !back_h2_call_begin(call))
        back_h2_hold_waiting(connection);
    back_h2_share(connection);
    back_h2_wake(connection);
}

static void close_idle(struct backend_connection *base, int reason)
{
    back_h2_end((struct back_h2 *)base, reason);
}

static void leave_netns(struct backend_connection *base)
{
    struct back_h2 *connection = (struct back_h2 *)base;
    if (connection->state == BACK_H2_IDLE)
        close_idle(base, BACKEND_CLOSE_NETNS_GONE);
    else if (connection->state == BACK_H2_CONNECTING)
        pool_unshare(base); /* who waits for it goes on */
    else
        back_h2_drain(connection);
}

const struct backend_protocol back_h2_protocol = {.is_http2 = true,
                                                  .open = open_new,
                                                  .assign = assign,
                                                  .close = close_idle,
                                                  .leave = leave_netns,
                                                  .cut = cut};
