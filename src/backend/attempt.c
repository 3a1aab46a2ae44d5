/* SPDX-License-Identifier: MIT */
/* One attempt to have an exchange answered: an endpoint, and a connection to it. */
#include "attempt_internal.h"
#include "balance/balance_internal.h"
#include "limit_internal.h"
#include "pool_internal.h"
#include "queue_internal.h"
#include "wait_internal.h"

#include <math.h>
#include <string.h>

/* How often the same endpoint is asked again for the sake of connections. */
#define FORGIVEN_MAX 3
/* Connections of forgiven attempts that an endpoint may owe answers for; and how many of them a
 * second are forgotten. */
#define OWED_MAX        100
#define OWED_PER_SECOND 20

static struct backend_endpoint *next_endpoint(struct backend_group *group,
                                              struct backend_attempts *attempts, double now)
{
    if (attempts->wants_fresh && group_has_endpoint(group, attempts->endpoint) &&
        !attempts->endpoint->is_down) {
        balance_mark(attempts, attempts->endpoint);
        return attempts->endpoint;
    }
    return balance_pick(group, attempts, now);
}

/* It goes to what was opened later than that by which it failed, which many may share. There it may
 * be refused once more; at last it is the first exchange of a connection, which surely is taken. */
static double fresh_after(const struct backend_attempts *attempts)
{
    if (!attempts->wants_fresh)
        return 0;
    return attempts->forgiven == FORGIVEN_MAX ? INFINITY : attempts->opened;
}

/* Other workers may be quicker with the last place at an endpoint: it was full, not tried. */
static struct backend_endpoint *choose(struct backend_group *group,
                                       struct backend_attempts *attempts, double now)
{
    uint64_t tried[sizeof(attempts->tried) / sizeof(attempts->tried[0])];
    struct backend_endpoint *endpoint;
    memcpy(tried, attempts->tried, sizeof(tried));
    while ((endpoint = next_endpoint(group, attempts, now)) && !limit_take(endpoint, attempts))
        attempts->wants_fresh = false;
    memcpy(attempts->tried, tried, sizeof(tried));
    if (endpoint)
        balance_mark(attempts, endpoint);
    return endpoint;
}

void attempt_count(struct backend_endpoint *endpoint)
{
    metrics_add(endpoint_figures(endpoint), METRIC_ENDPOINT_REQUESTS, 1);
}

static int begin(struct backend_endpoint *endpoint, struct exchange *exchange,
                 struct backend_attempts *attempts)
{
    double after = fresh_after(attempts);
    bool is_retry = attempts->count > 0 || attempts->forgiven > 0;
    if (!attempts->wants_fresh)
        attempts->forgiven = 0;
    attempts->wants_fresh = false;
    attempts->waits_for_choice = false;
    attempts->moves = 0;
    attempts->count++;
    attempts->endpoint = endpoint;
    attempts->slot = endpoint->slot;
    attempts->address = arena_slice(&exchange->arena, slice_of(endpoint->text));
    attempts->started = loop_now(exchange->loop);
    exchange->reason = (struct slice){"", 0};
    metrics_add(endpoint_figures(endpoint), METRIC_ENDPOINT_RETRIES, is_retry);
    int error = backend_connect(endpoint, exchange, attempts, after);
    if (error)
        limit_give(endpoint, attempts);
    else if (!attempts->waiting)
        attempt_count(endpoint);
    return error;
}

/* Waits for an endpoint, as far as the group has a queue. */
static int enqueue(struct backend_group *group, struct exchange *exchange,
                   struct backend_attempts *attempts)
{
    if (group->queue_most == 0 || !balance_may_wait(group, attempts))
        return ERROR_NO_ENDPOINT;
    if (queue_count(group->queue) >= group->queue_most)
        return ERROR_QUEUE_FULL;
    attempts->wants_fresh = false;
    wait_begin_choice(group, exchange, attempts);
    return 0;
}

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    struct backend_endpoint *endpoint = NULL;
    attempts->settings = settings;
    if (queue_is_empty(group->queue))
        endpoint = choose(group, attempts, loop_now(exchange->loop));
    if (!endpoint)
        return enqueue(group, exchange, attempts);
    return begin(endpoint, exchange, attempts);
}

bool attempt_continue(struct backend_group *group, struct backend_attempts *attempts)
{
    struct backend_endpoint *endpoint = choose(group, attempts, loop_now(attempts->waiting->loop));
    if (!endpoint)
        return false;
    struct exchange *exchange = wait_end(attempts);
    int error = begin(endpoint, exchange, attempts);
    if (error)
        wait_fail_ended(exchange, (enum error)error);
    return true;
}

void backend_attempt_answered(struct backend_group *group, const struct backend_attempts *attempts)
{
    if (group_has_endpoint(group, attempts->endpoint))
        metrics_observe(endpoint_figures(attempts->endpoint), METRIC_ENDPOINT_DURATION,
                        loop_now(group->backends->loop) - attempts->started);
}

void backend_attempt_broke(struct backend_group *group, const struct backend_attempts *attempts,
                           enum error error)
{
    bool is_clients = error == ERROR_CLIENT_GONE || error == ERROR_LENGTH;
    if (attempts->count > 0 && !attempts->waits_for_choice && !is_clients &&
        group_has_endpoint(group, attempts->endpoint))
        metrics_add_label(endpoint_figures(attempts->endpoint), METRIC_ENDPOINT_FAILURES,
                          metric_failure(error), 1);
}

void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts)
{
    /* A reload may have taken the endpoint away in the meantime. */
    if (group_has_endpoint(group, attempts->endpoint))
        balance_failed(attempts->endpoint, loop_now(group->backends->loop));
}

/* A server that refuses what it gets is not to get connections without end: each is owed, and
 * paid for by an answer (balance_succeeded) or by time. */
static bool may_owe(struct backend_endpoint *endpoint, double now)
{
    double left = endpoint->owed - (now - endpoint->owed_at) * OWED_PER_SECOND;
    endpoint->owed = left > 0 ? left : 0;
    endpoint->owed_at = now;
    if (endpoint->owed > OWED_MAX - 1)
        return false;
    endpoint->owed++;
    return true;
}

/* Whether the next attempt owes nothing: it replaces a kept connection, or joins one that is there.
 */
static bool is_free(const struct backend_attempts *attempts, enum error error)
{
    if (endpoint_requires_http1(attempts->endpoint))
        return true;
    if (error == ERROR_RETIRED && attempts->reused && attempts->forgiven == 1)
        return true;
    return pool_shared(attempts->endpoint, fresh_after(attempts));
}

bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts,
                             enum error error)
{
    if (attempts->count == 0 || attempts->forgiven == FORGIVEN_MAX ||
        !group_has_endpoint(group, attempts->endpoint))
        return false;
    attempts->wants_fresh = true;
    attempts->forgiven++;
    if (!is_free(attempts, error) &&
        !may_owe(attempts->endpoint, loop_now(group->backends->loop))) {
        attempts->wants_fresh = false;
        return false;
    }
    balance_unmark(attempts, attempts->slot);
    attempts->count--;
    return true;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    return balance_untried(group, attempts, loop_now(group->backends->loop));
}
