/* SPDX-License-Identifier: MIT */
/* Claims of addresses in the host's namespace. */
#include "claims_internal.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

struct claim {
    UT_hash_handle hh; /* by the address's text */
    struct record *owner;
    char address[];
};

static struct claim *claims_find(const struct registry *registry, struct slice address)
{
    struct claim *claim = NULL;

    HASH_FIND(hh, registry->claims, address.data, address.len, claim);
    return claim;
}

struct record *claims_owner(const struct registry *registry, struct slice address)
{
    struct claim *claim = claims_find(registry, address);

    return claim ? claim->owner : NULL;
}

void claims_take(struct registry *registry, struct slice address, struct record *record)
{
    struct claim *claim = claims_find(registry, address);

    if (claim)
        return;
    claim = memory_zeroed(1, sizeof(*claim) + address.len + 1);
    claim->owner = record;
    memcpy(claim->address, address.data, address.len);
    HASH_ADD_KEYPTR(hh, registry->claims, claim->address, address.len, claim);
}

static bool claims_names(const struct plan *plan, const char *address)
{
    return plan && plan->netns.kind == NETNS_HOST && plan_find_listener(plan, address);
}

void claims_release(struct registry *registry, struct record *record, const struct plan *given,
                    const struct plan *kept)
{
    if (given->netns.kind != NETNS_HOST)
        return;
    for (uint32_t i = 0; i < given->listener_count; i++) {
        struct claim *claim = claims_find(registry, slice_of(given->listeners[i].text));

        if (!claim || claim->owner != record || claims_names(kept, claim->address))
            continue;
        assert(registry->claims); /* it holds this one */
        HASH_DEL(registry->claims, claim);
        free(claim);
    }
}
