/* SPDX-License-Identifier: MIT */
/* Claims of addresses in the host's namespace. */
#include "sockets/claims.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

struct claim {
    UT_hash_handle hh; /* by the address's text */
    struct tenant_sockets *owner;
    char address[];
};

static struct claim *claims_find(const struct claims *claims, struct slice address)
{
    struct claim *claim = NULL;

    HASH_FIND(hh, claims->all, address.data, address.len, claim);
    return claim;
}

struct tenant_sockets *claims_owner(const struct claims *claims, struct slice address)
{
    struct claim *claim = claims_find(claims, address);

    return claim ? claim->owner : NULL;
}

void claims_take(struct claims *claims, struct slice address, struct tenant_sockets *tenant)
{
    struct claim *claim = claims_find(claims, address);

    if (claim)
        return;
    claim = memory_zeroed(1, sizeof(*claim) + address.len + 1);
    claim->owner = tenant;
    memcpy(claim->address, address.data, address.len);
    HASH_ADD_KEYPTR(hh, claims->all, claim->address, address.len, claim);
}

static bool claims_names(const struct plan *plan, const char *address)
{
    return plan && plan->netns.kind == NETNS_HOST && plan_find_listener(plan, address);
}

void claims_release(struct claims *claims, const struct tenant_sockets *tenant,
                    const struct plan *given, const struct plan *kept)
{
    if (given->netns.kind != NETNS_HOST)
        return;
    for (uint32_t i = 0; i < given->listener_count; i++) {
        struct claim *claim = claims_find(claims, slice_of(given->listeners[i].text));

        if (!claim || claim->owner != tenant || claims_names(kept, claim->address))
            continue;
        assert(claims->all); /* it holds this one */
        HASH_DEL(claims->all, claim);
        free(claim);
    }
}
