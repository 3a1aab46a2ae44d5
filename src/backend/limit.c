/* SPDX-License-Identifier: MIT */
/* Exchanges with a server at a time, over all workers. */
#include "limit_internal.h"

#include "cells/counts.h"
#include "queue_internal.h"

static bool is_limited(const struct backend_endpoint *endpoint,
                       const struct backend_attempts *attempts)
{
    return endpoint->max_conns > 0 && attempts->counts;
}

bool limit_has_room(const struct backend_endpoint *endpoint,
                    const struct backend_attempts *attempts)
{
    if (!is_limited(endpoint, attempts))
        return true;
    uint64_t hash = counts_hash(attempts->counts, endpoint->count_key);
    return counts_total(attempts->counts, hash) < endpoint->max_conns;
}

bool limit_take(const struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    if (!is_limited(endpoint, attempts))
        return true;
    uint64_t hash = counts_hash(attempts->counts, endpoint->count_key);
    if (counts_take(attempts->counts, hash, endpoint->max_conns) != COUNTS_TAKEN)
        return false;
    attempts->counted = hash;
    attempts->is_counted = true;
    return true;
}

void limit_give(struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    if (!attempts->is_counted)
        return;
    attempts->is_counted = false;
    counts_give(attempts->counts, attempts->counted);
    queue_wake(endpoint->group->queue);
}
