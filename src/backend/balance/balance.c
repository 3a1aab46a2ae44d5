/* SPDX-License-Identifier: MIT */
/* Who may be picked, whatever the method: max_fails, fail_timeout, backup and down mean the same as
 * in nginx. */
#include "balance/balance_internal.h"

#include "base/log.h"
#include "limit_internal.h"
#include "queue_internal.h"

/* Slots beyond the bitmap share its bits: such endpoints are tried less often, never twice. */
static uint32_t slot_bit(uint32_t slot)
{
    return slot % (64 * 4);
}

static bool was_tried(const struct backend_attempts *attempts,
                      const struct backend_endpoint *endpoint)
{
    uint32_t bit = slot_bit(endpoint->slot);
    return attempts->tried[bit / 64] >> (bit % 64) & 1;
}

void balance_mark(struct backend_attempts *attempts, const struct backend_endpoint *endpoint)
{
    uint32_t bit = slot_bit(endpoint->slot);
    attempts->tried[bit / 64] |= UINT64_C(1) << (bit % 64);
}

void balance_unmark(struct backend_attempts *attempts, uint32_t slot)
{
    uint32_t bit = slot_bit(slot);
    attempts->tried[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* With one server alone there is nobody else to ask: it is always tried. */
bool balance_is_out(const struct backend_endpoint *endpoint, double now)
{
    if (endpoint->group->endpoint_count == 1 || endpoint->max_fails == 0)
        return false;
    return endpoint->fails >= endpoint->max_fails &&
           now - endpoint->checked <= endpoint->fail_timeout;
}

static bool is_available(const struct backend_endpoint *endpoint,
                         const struct backend_attempts *attempts, double now)
{
    return !endpoint->is_down && !was_tried(attempts, endpoint) && !balance_is_out(endpoint, now) &&
           limit_has_room(endpoint, attempts);
}

bool balance_may_pick(const struct backend_endpoint *endpoint, const struct balance_query *query)
{
    return endpoint->is_backup == query->backups &&
           is_available(endpoint, query->attempts, query->now);
}

struct backend_endpoint *balance_pick(struct backend_group *group,
                                      struct backend_attempts *attempts, double now)
{
    struct balance_query query = {.attempts = attempts, .now = now};
    struct backend_endpoint *best = group->method->pick(group, &query);
    if (!best) {
        query.backups = true;
        best = group->method->pick(group, &query);
    }
    if (!best)
        return NULL;
    balance_mark(attempts, best);
    /* After fail_timeout one attempt probes; until it is decided the others stay away. */
    if (now - best->checked > best->fail_timeout)
        best->checked = now;
    return best;
}

void balance_failed(struct backend_endpoint *endpoint, double now)
{
    if (endpoint->is_retired || endpoint->group->endpoint_count == 1)
        return;
    endpoint->fails++;
    endpoint->accessed = now;
    endpoint->checked = now;
    if (endpoint->max_fails == 0)
        return;
    if (endpoint->group->method->on_failed)
        endpoint->group->method->on_failed(endpoint);
    if (endpoint->fails >= endpoint->max_fails)
        metrics_set(endpoint->figures, METRIC_ENDPOINT_UP, 0);
    if (endpoint->fails == endpoint->max_fails)
        log_warn("upstream %s: server %s is left out for %.3gs after %u failures",
                 endpoint->group->name, endpoint->text, endpoint->fail_timeout, endpoint->fails);
    queue_wake(endpoint->queue);
}

void balance_succeeded(struct backend_endpoint *endpoint)
{
    endpoint->owed -= endpoint->owed >= 1 ? 1 : endpoint->owed;
    if (endpoint->accessed >= endpoint->checked)
        return;
    endpoint->fails = 0;
    metrics_set(endpoint->figures, METRIC_ENDPOINT_UP, 1);
}

bool balance_may_wait(const struct backend_group *group, const struct backend_attempts *attempts)
{
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        if (!group->endpoints[i]->is_down && !was_tried(attempts, group->endpoints[i]))
            return true;
    return false;
}

uint32_t balance_untried(const struct backend_group *group, const struct backend_attempts *attempts,
                         double now)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        count += is_available(group->endpoints[i], attempts, now);
    return count;
}
