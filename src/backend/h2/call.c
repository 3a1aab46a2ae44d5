/* SPDX-License-Identifier: MIT */
/* An exchange on an HTTP/2 connection: how it joins, begins, and leaves. */
#include "h2/h2_internal.h"

#include "balance/balance_internal.h"
#include "base/container_of.h"
#include "base/memory.h"
#include "limit_internal.h"

#include <stdlib.h>

static void call_free(struct back_h2_call *call)
{
    deadline_stop(&call->deadline);
    spares_give(&call->loop->buffers.objects, call, sizeof(*call));
}

void back_h2_calls_free(struct back_h2_calls *calls)
{
    struct back_h2_call *call;
    while ((call = TAILQ_FIRST(calls))) {
        TAILQ_REMOVE(calls, call, next);
        call_free(call);
    }
}

/* Not before the turn's end: whoever calls us may still look at it. */
static void on_grave(struct loop_task *task)
{
    call_free(CONTAINER_OF(task, struct back_h2_call, grave));
}

void back_h2_call_move(struct back_h2_call *call, struct back_h2_calls *to)
{
    struct back_h2 *connection = call->connection;
    if (call->list)
        TAILQ_REMOVE(call->list, call, next);
    connection->waiting_count -= call->list == &connection->waiting;
    call->list = to;
    if (!to)
        return;
    TAILQ_INSERT_TAIL(to, call, next);
    connection->waiting_count += to == &connection->waiting;
}

/* ---- leaving ---- */

bool back_h2_call_is_untouched(const struct back_h2_call *call)
{
    const struct back_h2 *connection = call->connection;
    if (call->sending == BACK_H2_WAITS)
        return true;
    return call->list == &connection->fresh ||
           stream_bytes_out(connection->wire) <= call->sent_from;
}

void back_h2_call_settle(struct back_h2_call *call)
{
    if (call->exchange || call->stream || !call->list)
        return;
    back_h2_call_move(call, NULL);
    loop_bury(call->connection->loop, &call->grave);
}

void back_h2_call_note(const struct back_h2_call *call)
{
    if (call->exchange && call->stream)
        exchange_end_attempt(call->exchange, h2_stream_sent(call->stream),
                             h2_stream_received(call->stream));
}

/* It has nothing to do with the exchange any more, which is told nothing. */
static void leave_exchange(struct back_h2_call *call)
{
    struct back_h2 *connection = call->connection;
    call->exchange = NULL;
    call->attempts = NULL;
    deadline_clear(&call->deadline);
    connection->attached--;
    endpoint_leave(connection->base.endpoint);
    back_h2_wake(connection);
    back_h2_call_settle(call);
}

/* The attempt is over. */
static void end_attempt(struct back_h2_call *call)
{
    limit_give(call->connection->base.endpoint, call->attempts);
    leave_exchange(call);
}

void back_h2_call_part(struct back_h2_call *call)
{
    exchange_detach(call->exchange);
    leave_exchange(call);
}

void back_h2_call_release(struct back_h2_call *call)
{
    back_h2_call_note(call);
    exchange_detach(call->exchange);
    end_attempt(call);
}

/* Whether max_fails counts it: what the client did is not the server's fault, and a response that
 * had begun, or a refusal, shows a living server. */
static bool is_failure(const struct back_h2_call *call, enum error error, bool untouched)
{
    return !call->connection->is_blamed && !untouched && call->receiving == BACK_H2_HEAD_DUE &&
           error != ERROR_CLIENT_GONE && error != ERROR_LENGTH;
}

void back_h2_call_fail(struct back_h2_call *call, enum error error, bool untouched)
{
    struct back_h2 *connection = call->connection;
    struct exchange *exchange = call->exchange;
    back_h2_call_note(call);
    if (is_failure(call, error, untouched))
        balance_failed(connection->base.endpoint, loop_now(connection->loop));
    if (call->stream)
        h2_reset(call->stream, H2_CANCEL);
    call->stream = NULL;
    end_attempt(call);
    exchange_fail_back(exchange, error, untouched);
}

/* ---- what deadline and exchange tell ---- */

/* It is not the one exchange alone when nothing at all was heard. */
static void suspect(struct back_h2 *connection)
{
    if (connection->state == BACK_H2_SERVING)
        back_h2_probe(connection);
    else if (connection->state == BACK_H2_GREETING)
        back_h2_drain(connection);
}

static void on_expired(struct deadline *deadline)
{
    struct back_h2_call *call = CONTAINER_OF(deadline, struct back_h2_call, deadline);
    struct back_h2 *connection = call->connection;
    enum error error = ERROR_READ_TIMEOUT;
    double left = back_h2_call_time_left(call, &error);
    if (left > 0) {
        deadline_set(&call->deadline, left);
        return;
    }
    if (error != ERROR_BACKEND_FULL && connection->heard <= call->read_at)
        suspect(connection);
    back_h2_call_fail(call, error, back_h2_call_is_untouched(call));
}

void back_h2_call_give_back(struct back_h2_call *call)
{
    const struct exchange_pipe *pipe = &call->exchange->response_body;
    uint64_t gone = pipe->passed - pipe->bytes.len;
    if (gone == call->consumed)
        return;
    h2_consume(call->stream, (size_t)(gone - call->consumed));
    call->consumed = gone;
    back_h2_wake(call->connection);
}

static void on_body(void *back, struct exchange *exchange)
{
    struct back_h2_call *call = back;
    if (exchange->request_body.state == PIPE_BROKEN) {
        back_h2_call_fail(call, ERROR_CLIENT_GONE, false);
        return;
    }
    if (call->sending != BACK_H2_SENDING)
        return;
    if (call->is_starved) {
        call->is_starved = false;
        call->sent_at = loop_now(call->connection->loop);
    }
    h2_resume(call->stream);
    back_h2_wake(call->connection);
}

static void on_room(void *back, struct exchange *exchange)
{
    (void)exchange;
    struct back_h2_call *call = back;
    if (!call->stream)
        return;
    call->read_at = loop_now(call->connection->loop);
    back_h2_call_give_back(call);
}

static void on_abort(void *back, struct exchange *exchange)
{
    struct back_h2_call *call = back;
    /* The frontend closes as soon as it has the response's end: that is no abort. */
    bool is_over =
        call->receiving == BACK_H2_HEARD && (!exchange->is_tunnel || call->sending == BACK_H2_SENT);
    back_h2_call_note(call);
    if (call->stream && !is_over) {
        h2_reset(call->stream, H2_CANCEL);
        call->stream = NULL;
    }
    end_attempt(call);
}

static const struct exchange_back back_ops = {
    .on_body = on_body, .on_room = on_room, .on_abort = on_abort};

/* ---- joining ---- */

struct back_h2_call *back_h2_call_new(struct back_h2 *connection, struct exchange *exchange,
                                      struct backend_attempts *attempts)
{
    struct back_h2_call *call = spares_take(&connection->loop->buffers.objects, sizeof(*call));
    *call = (struct back_h2_call){.connection = connection,
                                  .loop = connection->loop,
                                  .exchange = exchange,
                                  .attempts = attempts,
                                  .is_starved = true,
                                  .read_at = loop_now(connection->loop),
                                  .sent_at = loop_now(connection->loop),
                                  .grave.run = on_grave};
    deadline_init(&call->deadline, connection->loop, on_expired);
    back_h2_call_move(call, &connection->waiting);
    connection->attached++;
    deadline_set(&call->deadline, back_h2_call_patience(call));
    endpoint_enter(connection->base.endpoint);
    exchange_attach(exchange, &back_ops, call);
    return call;
}

bool back_h2_call_begin(struct back_h2_call *call)
{
    struct back_h2 *connection = call->connection;
    struct exchange *exchange = call->exchange;
    exchange_settle_length(exchange);
    struct http_request request = exchange->forward;
    if (!http_is_websocket(request.upgrade))
        request.upgrade = (struct slice){0}; /* has no place in HTTP/2 (RFC 9113 section 8.6) */
    struct h2_target target = {.object = call,
                               .arena = &exchange->arena,
                               .response = &exchange->response,
                               .trailers = &exchange->response_body.trailers};
    bool is_connect = request.upgrade.len > 0 && h2_allows_connect(connection->session);
    bool ends = request.content_length == 0 && !is_connect;
    call->stream = h2_send_request(connection->session, &request, &target, ends);
    if (!call->stream)
        return false;
    call->is_connect = is_connect;
    call->sending = ends ? BACK_H2_SENT : BACK_H2_SENDING;
    call->is_starved = exchange->request_body.bytes.len == 0;
    call->asked = loop_now(connection->loop);
    exchange_begin_attempt(call->exchange);
    call->read_at = call->asked;
    call->sent_at = call->asked;
    back_h2_call_move(call, &connection->fresh);
    return true;
}
