/* SPDX-License-Identifier: MIT */
/* Those who wait for a connection to a server get one, or are sent elsewhere. */
#include "serve_internal.h"

#include "attempt_internal.h"
#include "balance/balance_internal.h"
#include "limit_internal.h"
#include "pool_internal.h"
#include "queue_internal.h"
#include "wait_internal.h"

/* How many are sent elsewhere, or fail, in one go. */
#define PIECE 64
/* Seconds between two looks for those that have waited for too long. */
#define LOOK_SECONDS 0.25

/* Connecting has its full time, whatever the wait took. Returns whether there was a connection. */
static bool serve(struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    if (!backend_has_connection(endpoint, attempts))
        return false;
    struct exchange *exchange = wait_end(attempts);
    attempts->started = loop_now(exchange->loop);
    int error = backend_connect_now(endpoint, exchange, attempts);
    if (error) {
        limit_give(endpoint, attempts);
        wait_fail_ended(exchange, (enum error)error);
    } else {
        attempt_count(endpoint);
    }
    return true;
}

/* Who wants a connection that is opened anew may have to wait while others need not. A look at all
 * goes on where it gave way; whoever is called may leave, also others. */
static void serve_all(struct backend_endpoint *endpoint)
{
    struct backend_queue *queue = endpoint->queue;
    struct backend_attempts *attempts;
    if (!queue->next)
        queue->next = TAILQ_FIRST(&queue->waiting);
    while ((attempts = queue->next)) {
        bool is_choosy = attempts->after > 0;
        queue->next = TAILQ_NEXT(attempts, in_queue);
        if (!serve(endpoint, attempts) && !is_choosy)
            queue->next = NULL;
        if (queue->next && loop_should_yield(queue->loop)) {
            queue_wake(queue);
            return;
        }
    }
}

/* Another server gets it. No attempt was made here, so none counts. */
static void send_elsewhere(struct backend_attempts *attempts)
{
    struct backend_group *group = attempts->endpoint->group;
    balance_unmark(attempts, attempts->slot);
    attempts->count--;
    limit_give(attempts->endpoint, attempts);
    struct exchange *exchange = wait_end(attempts);
    int error = backend_start(group, exchange, attempts, attempts->settings);
    if (error)
        wait_fail_ended(exchange, (enum error)error);
}

static void send_some_elsewhere(struct backend_endpoint *endpoint)
{
    for (unsigned i = 0; i < PIECE && !queue_is_empty(endpoint->queue); i++)
        send_elsewhere(TAILQ_FIRST(&endpoint->queue->waiting));
    queue_wake(endpoint->queue);
}

static bool is_late(const struct backend_attempts *attempts, double now)
{
    return now - attempts->queued > attempts->settings->proxy_connect_timeout;
}

/* They need not be late in their order: locations have timeouts of their own. */
static void fail_late(struct backend_endpoint *endpoint, double now)
{
    struct backend_attempts *attempts = TAILQ_FIRST(&endpoint->queue->waiting);
    unsigned count = 0;
    while (attempts && count < PIECE) {
        struct backend_attempts *next = TAILQ_NEXT(attempts, in_queue);
        if (is_late(attempts, now)) {
            wait_fail(attempts, ERROR_CONNECT_TIMEOUT, SLICE("waiting for a connection"));
            next = TAILQ_FIRST(&endpoint->queue->waiting);
            count++;
        }
        attempts = next;
    }
    if (count < PIECE)
        endpoint->queue->looked_at = now;
}

void serve_endpoint(struct backend_queue *queue)
{
    struct backend_endpoint *endpoint = queue->owner;
    double now = loop_now(endpoint->group->backends->loop);
    endpoint_ref(endpoint);
    if (endpoint->is_retired || endpoint->is_down || balance_is_out(endpoint, now))
        send_some_elsewhere(endpoint);
    else
        serve_all(endpoint);
    if (now - endpoint->queue->looked_at > LOOK_SECONDS)
        fail_late(endpoint, now);
    pool_trim(endpoint->group);
    endpoint_unref(endpoint);
}

/* ---- who waits for a server of a group ---- */

/* Returns whether it waits no more. A reload may have left nothing to wait for. */
static bool choose(struct backend_group *group, struct backend_attempts *attempts)
{
    if (attempt_continue(group, attempts))
        return true;
    if (balance_may_wait(group, attempts))
        return false;
    wait_fail(attempts, ERROR_NO_ENDPOINT, (struct slice){"", 0});
    return true;
}

/* Who has asked some servers already waits for others than those behind it may; what others cannot
 * get, nobody gets. */
static void choose_for_all(struct backend_queue *queue)
{
    struct backend_attempts *attempts;
    if (!queue->next)
        queue->next = TAILQ_FIRST(&queue->waiting);
    while ((attempts = queue->next)) {
        bool is_choosy = attempts->count > 0;
        queue->next = TAILQ_NEXT(attempts, in_queue);
        if (!choose(queue->owner, attempts) && !is_choosy)
            queue->next = NULL;
        if (queue->next && loop_should_yield(queue->loop)) {
            queue_wake(queue);
            return;
        }
    }
}

void serve_group(struct backend_queue *queue)
{
    struct backend_group *group = queue->owner;
    double now = loop_now(queue->loop);
    choose_for_all(queue);
    for (unsigned i = 0; i < PIECE && !queue_is_empty(queue); i++) {
        struct backend_attempts *attempts = TAILQ_FIRST(&queue->waiting);
        if (now - attempts->queued <= group->queue_timeout)
            return;
        wait_fail(attempts, ERROR_QUEUE_TIMEOUT, (struct slice){"", 0});
    }
}
