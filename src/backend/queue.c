/* SPDX-License-Identifier: MIT */
/* Exchanges that wait for a connection to one server. */
#include "queue_internal.h"

#include "balance/balance_internal.h"
#include "base/container_of.h"
#include "pool_internal.h"

/* How many are sent elsewhere, or away, in one go. */
#define PIECE 64
/* Seconds between two looks for those that have waited for too long. */
#define LOOK_SECONDS 0.25

static struct loop *loop_of(const struct backend_endpoint *endpoint)
{
    return endpoint->group->backends->loop;
}

static void leave(struct backend_attempts *attempts)
{
    struct backend_endpoint *endpoint = attempts->endpoint;
    TAILQ_REMOVE(&endpoint->queue.waiting, attempts, in_queue);
    if (--endpoint->queue.count == 0)
        endpoint->making.lacking_since = 0;
    attempts->waiting = NULL;
    attempts->queue_seconds += loop_now(loop_of(endpoint)) - attempts->queued;
    endpoint_leave(endpoint);
    endpoint_unref(endpoint);
}

/* Nothing of it has left this host. */
static void fail(struct backend_attempts *attempts, enum error error, struct slice reason)
{
    struct exchange *exchange = attempts->waiting;
    exchange->reason = reason;
    leave(attempts);
    exchange_fail_back(exchange, error, true);
}

/* ---- what the exchange tells ---- */

static void on_body(void *back, struct exchange *exchange)
{
    if (exchange->request_body.state == PIPE_BROKEN)
        fail(back, ERROR_CLIENT_GONE, (struct slice){"", 0});
}

/* Not told of: nothing is pushed yet. */
static void on_room(void *back, struct exchange *exchange)
{
    (void)back;
    (void)exchange;
}

static void on_abort(void *back, struct exchange *exchange)
{
    (void)exchange;
    leave(back);
}

static const struct exchange_back back_ops = {
    .on_body = on_body, .on_room = on_room, .on_abort = on_abort};

void queue_join(struct backend_endpoint *endpoint, struct exchange *exchange,
                struct backend_attempts *attempts)
{
    struct backend_queue *queue = &endpoint->queue;
    attempts->waiting = exchange;
    attempts->queued = loop_now(exchange->loop);
    if (queue_is_empty(endpoint)) {
        endpoint->making.lacking_since = attempts->queued;
        queue->looked_at = attempts->queued;
        deadline_set(&queue->tick, MAKING_WAIT);
    }
    TAILQ_INSERT_TAIL(&queue->waiting, attempts, in_queue);
    queue->count++;
    endpoint_ref(endpoint);
    endpoint_enter(endpoint);
    exchange_attach(exchange, &back_ops, attempts);
}

/* ---- serving ---- */

static void fail_detached(struct exchange *exchange, struct backend_attempts *attempts,
                          enum error error)
{
    exchange_attach(exchange, &back_ops, attempts);
    exchange_fail_back(exchange, error, true);
}

/* Connecting has its full time, whatever the wait took. Returns whether there was a connection. */
static bool serve(struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    struct exchange *exchange = attempts->waiting;
    if (!backend_has_connection(endpoint, attempts))
        return false;
    leave(attempts);
    exchange_detach(exchange);
    attempts->started = loop_now(exchange->loop);
    int error = backend_connect_now(endpoint, exchange, attempts);
    if (error)
        fail_detached(exchange, attempts, (enum error)error);
    return true;
}

/* Who wants a connection that is opened anew may have to wait while others need not. */
static void serve_all(struct backend_endpoint *endpoint)
{
    struct backend_attempts *attempts = TAILQ_FIRST(&endpoint->queue.waiting);
    while (attempts) {
        bool is_choosy = attempts->after > 0;
        struct backend_attempts *next = TAILQ_NEXT(attempts, in_queue);
        if (serve(endpoint, attempts))
            next = TAILQ_FIRST(&endpoint->queue.waiting); /* whoever was called may have left */
        else if (!is_choosy)
            return;
        attempts = next;
    }
}

/* Another server gets it. No attempt was made here, so none counts. */
static void send_elsewhere(struct backend_attempts *attempts)
{
    struct backend_endpoint *endpoint = attempts->endpoint;
    struct exchange *exchange = attempts->waiting;
    balance_unmark(attempts, attempts->slot);
    attempts->count--;
    leave(attempts);
    exchange_detach(exchange);
    int error = backend_start(endpoint->group, exchange, attempts, attempts->settings);
    if (error)
        fail_detached(exchange, attempts, (enum error)error);
}

static void send_some_elsewhere(struct backend_endpoint *endpoint)
{
    for (unsigned i = 0; i < PIECE && !queue_is_empty(endpoint); i++)
        send_elsewhere(TAILQ_FIRST(&endpoint->queue.waiting));
    queue_wake(endpoint);
}

static void on_serve(struct loop_task *task)
{
    struct backend_endpoint *endpoint = CONTAINER_OF(task, struct backend_endpoint, queue.serve);
    endpoint_ref(endpoint);
    if (endpoint->is_retired || endpoint->is_down ||
        balance_is_out(endpoint, loop_now(loop_of(endpoint))))
        send_some_elsewhere(endpoint);
    else
        serve_all(endpoint);
    pool_trim(endpoint->group);
    endpoint_unref(endpoint);
}

void queue_wake(struct backend_endpoint *endpoint)
{
    if (!queue_is_empty(endpoint))
        loop_defer(loop_of(endpoint), &endpoint->queue.serve);
}

/* ---- time ---- */

static bool is_late(const struct backend_attempts *attempts, double now)
{
    return now - attempts->queued > attempts->settings->proxy_connect_timeout;
}

/* They need not be late in their order: locations have timeouts of their own. */
static void fail_late(struct backend_endpoint *endpoint, double now)
{
    struct backend_attempts *attempts = TAILQ_FIRST(&endpoint->queue.waiting);
    unsigned count = 0;
    while (attempts && count < PIECE) {
        struct backend_attempts *next = TAILQ_NEXT(attempts, in_queue);
        if (is_late(attempts, now)) {
            fail(attempts, ERROR_CONNECT_TIMEOUT, SLICE("waiting for a connection"));
            next = TAILQ_FIRST(&endpoint->queue.waiting);
            count++;
        }
        attempts = next;
    }
    if (count < PIECE)
        endpoint->queue.looked_at = now;
}

static void on_tick(struct deadline *deadline)
{
    struct backend_endpoint *endpoint = CONTAINER_OF(deadline, struct backend_endpoint, queue.tick);
    double now = loop_now(loop_of(endpoint));
    if (queue_is_empty(endpoint))
        return;
    endpoint_ref(endpoint);
    if (now - endpoint->queue.looked_at > LOOK_SECONDS)
        fail_late(endpoint, now);
    if (!queue_is_empty(endpoint))
        deadline_set(&endpoint->queue.tick, MAKING_WAIT);
    queue_wake(endpoint);
    endpoint_unref(endpoint);
}

/* ---- the endpoint ---- */

void queue_init(struct backend_endpoint *endpoint)
{
    struct backend_queue *queue = &endpoint->queue;
    TAILQ_INIT(&queue->waiting);
    queue->serve.run = on_serve;
    deadline_init(&queue->tick, loop_of(endpoint), on_tick);
}

void queue_stop(struct backend_endpoint *endpoint)
{
    deadline_stop(&endpoint->queue.tick);
    loop_cancel(loop_of(endpoint), &endpoint->queue.serve);
}
