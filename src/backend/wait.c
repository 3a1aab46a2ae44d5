/* SPDX-License-Identifier: MIT */
/* An exchange that waits for a connection: how it comes, and leaves. */
#include "wait_internal.h"

#include "limit_internal.h"
#include "queue_internal.h"

static struct exchange *leave(struct backend_attempts *attempts)
{
    struct backend_endpoint *endpoint = attempts->endpoint;
    struct exchange *exchange = attempts->waiting;
    queue_remove(attempts);
    attempts->waiting = NULL;
    if (attempts->waits_for_choice) {
        struct backend_group *group = attempts->queue->owner;
        group->attached--;
        group_check(group);
        return exchange;
    }
    endpoint_count(endpoint);
    if (queue_count(endpoint->queue) == 0)
        endpoint->making.lacking_since = 0;
    endpoint_leave(endpoint);
    endpoint_unref(endpoint);
    return exchange;
}

/* The attempt is over with it. */
static struct exchange *give_up(struct backend_attempts *attempts)
{
    if (!attempts->waits_for_choice)
        limit_give(attempts->endpoint, attempts);
    return leave(attempts);
}

/* ---- what the exchange tells ---- */

static void on_body(void *back, struct exchange *exchange)
{
    if (exchange->request_body.state == PIPE_BROKEN)
        wait_fail(back, ERROR_CLIENT_GONE, (struct slice){"", 0});
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
    give_up(back);
}

static const struct exchange_back back_ops = {
    .on_body = on_body, .on_room = on_room, .on_abort = on_abort};

void wait_begin(struct backend_endpoint *endpoint, struct exchange *exchange,
                struct backend_attempts *attempts)
{
    attempts->waiting = exchange;
    attempts->waits_for_choice = false;
    attempts->waited_for |= BACKEND_WAIT_CONNECTION;
    if (queue_is_empty(endpoint->queue))
        endpoint->making.lacking_since = loop_now(exchange->loop);
    if (!endpoint->queue)
        endpoint->queue =
            queue_new(endpoint, exchange->loop, endpoint->group->backends->serve_endpoint);
    queue_put(endpoint->queue, attempts);
    endpoint_count(endpoint);
    endpoint_ref(endpoint);
    endpoint_enter(endpoint);
    exchange_attach(exchange, &back_ops, attempts);
}

void wait_begin_choice(struct backend_group *group, struct exchange *exchange,
                       struct backend_attempts *attempts)
{
    attempts->waiting = exchange;
    attempts->waits_for_choice = true;
    attempts->waited_for |= BACKEND_WAIT_SERVER;
    if (!group->queue)
        group->queue = queue_new(group, exchange->loop, group->backends->serve_group);
    queue_put(group->queue, attempts);
    group->attached++;
    exchange_attach(exchange, &back_ops, attempts);
}

struct exchange *wait_end(struct backend_attempts *attempts)
{
    struct exchange *exchange = leave(attempts);
    exchange_detach(exchange);
    return exchange;
}

void wait_fail(struct backend_attempts *attempts, enum error error, struct slice reason)
{
    struct exchange *exchange = give_up(attempts);
    exchange->reason = reason;
    exchange_fail_back(exchange, error, true);
}

void wait_fail_ended(struct exchange *exchange, enum error error)
{
    exchange_attach(exchange, &back_ops, exchange);
    exchange_fail_back(exchange, error, true);
}
