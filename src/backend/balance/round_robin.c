/* SPDX-License-Identifier: MIT */
/* Smooth weighted round robin, as nginx's ngx_http_upstream_round_robin does it: the same servers
 * in the same order. */
#include "balance/balance_internal.h"

static struct backend_endpoint *pick(struct backend_group *group, const struct balance_query *query)
{
    struct backend_endpoint *best = NULL;
    int32_t total = 0;
    for (uint32_t i = 0; i < group->endpoint_count; i++) {
        struct backend_endpoint *endpoint = group->endpoints[i];
        if (!balance_may_pick(endpoint, query))
            continue;
        endpoint->current_weight += endpoint->effective_weight;
        total += endpoint->effective_weight;
        if (endpoint->effective_weight < endpoint->weight)
            endpoint->effective_weight++;
        if (!best || endpoint->current_weight > best->current_weight)
            best = endpoint;
    }
    if (best)
        best->current_weight -= total;
    return best;
}

static void on_weight(struct backend_endpoint *endpoint)
{
    endpoint->effective_weight = endpoint->weight;
    endpoint->current_weight = 0;
}

static void on_failed(struct backend_endpoint *endpoint)
{
    endpoint->effective_weight -= (int32_t)((uint32_t)endpoint->weight / endpoint->max_fails);
    if (endpoint->effective_weight < 0)
        endpoint->effective_weight = 0;
}

const struct balance_method balance_round_robin = {
    .pick = pick, .on_weight = on_weight, .on_failed = on_failed};
