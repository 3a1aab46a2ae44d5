/* SPDX-License-Identifier: MIT */
/* All groups of one worker, found by (tenant, upstream) so that health and idle connections live
 * through reloads. */
#include "group_internal.h"

#include "base/memory.h"
#include "pool_internal.h"
#include "serve_internal.h"

#include <stdlib.h>

/* Bytes of memory in which one worker keeps what it took of one tenant's requests: 512 bodies of
 * more than a KiB, or 8,192 smaller ones, that wait for their responses at once. */
#define KEPT_MOST (8 * 1024 * 1024)

struct backends *backends_new(struct loop *loop)
{
    struct backends *backends = memory_zeroed(1, sizeof(*backends));
    backends->loop = loop;
    backends->http1 = &back_h1_protocol;
    backends->http2 = &back_h2_protocol;
    backends->serve_endpoint = serve_endpoint;
    backends->serve_group = serve_group;
    return backends;
}

void backends_free(struct backends *backends)
{
    if (!backends)
        return;
    struct backend_owner *owner, *next_owner;
    HASH_ITER (hh, backends->owners, owner, next_owner) {
        struct backend_group *group, *next;
        HASH_ITER (hh, owner->groups, group, next) {
            group_free(group);
        }
    }
    free(backends);
}

static struct backend_owner *owner_of(struct backends *backends, struct slice tenant)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    if (owner)
        return owner;
    owner = memory_zeroed(1, sizeof(*owner) + tenant.len);
    memcpy(owner->name, tenant.data, tenant.len);
    owner->name_len = tenant.len;
    owner->allowance.most = KEPT_MOST;
    owner->share = loop_share_ref(&backends->loop->own);
    HASH_ADD_KEYPTR(hh, backends->owners, owner->name, owner->name_len, owner);
    return owner;
}

void backends_set_share(struct backends *backends, struct slice tenant, struct loop_share *share)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    if (!owner)
        return;
    loop_share_ref(share);
    loop_share_unref(owner->share);
    owner->share = share;
}

struct loop_share *backends_share(struct backends *backends, struct slice tenant)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    return owner && owner->share != &backends->loop->own ? owner->share : NULL;
}

void backends_bound(struct backends *backends, struct slice tenant, size_t most)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    if (owner)
        owner->allowance.most = most / 8 < KEPT_MOST ? most / 8 : KEPT_MOST;
}

void backends_set_figures(struct backends *backends, struct slice tenant,
                          struct metrics_file *figures, uint64_t number)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    if (!owner || !figures)
        return;
    owner->figures = figures;
    owner->number = number;
}

static struct backend_group *group_of(struct backends *backends, struct backend_owner *owner,
                                      const struct tenant_upstream *upstream)
{
    struct backend_group *group;
    struct slice key = upstream->identity;
    if (key.len == 0)
        key = upstream->config->name;
    HASH_FIND(hh, owner->groups, key.data, key.len, group);
    return group ? group : group_new(backends, owner, key);
}

static bool has_group(const struct tenant *tenant, const struct backend_group *group)
{
    for (uint32_t i = 0; i < tenant->upstream_count; i++)
        if (tenant->upstreams[i].group == group)
            return true;
    return false;
}

/* What the tenant before had and this one has not; its exchanges may still need it. */
static void retire_others(struct backend_owner *owner, const struct tenant *tenant)
{
    struct backend_group *group, *next;
    HASH_ITER (hh, owner->groups, group, next) {
        if (!has_group(tenant, group))
            group_retire(group);
    }
}

void backends_bind(struct backends *backends, struct tenant *tenant)
{
    struct backend_owner *owner;
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        struct tenant_upstream *upstream = &tenant->upstreams[i];
        owner = owner_of(backends, tenant->config.name);
        upstream->group = group_of(backends, owner, upstream);
        upstream->group->bindings++;
        group_configure(upstream->group, upstream);
    }
    HASH_FIND(hh, backends->owners, tenant->config.name.data, tenant->config.name.len, owner);
    if (owner)
        retire_others(owner, tenant);
}

void backends_unbind(struct backends *backends, struct tenant *tenant)
{
    (void)backends;
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        struct backend_group *group = tenant->upstreams[i].group;
        if (!group || group->bindings == 0)
            continue;
        if (--group->bindings == 0)
            group_retire(group);
        group_check(group);
    }
}

void backends_drain(struct backends *backends)
{
    backends->is_draining = true;
    struct backend_owner *owner, *next_owner;
    HASH_ITER (hh, backends->owners, owner, next_owner) {
        struct backend_group *group, *next;
        HASH_ITER (hh, owner->groups, group, next) {
            for (uint32_t i = 0; i < group->endpoint_count; i++)
                if (!group->endpoints[i]->netns)
                    pool_close_endpoint(group->endpoints[i], BACKEND_CLOSE_DRAINING);
        }
    }
}

struct exchange_allowance *backend_allowance(struct backend_group *group)
{
    return &group->owner->allowance;
}

bool backends_close_idle(struct backends *backends)
{
    return backends->idle_count > 0 && pool_close_one(backends);
}

void backends_close_idle_of(struct backends *backends, struct slice tenant, unsigned most)
{
    struct backend_owner *owner;
    HASH_FIND(hh, backends->owners, tenant.data, tenant.len, owner);
    if (owner)
        pool_close_of(owner, most);
}

unsigned backends_idle_count(const struct backends *backends)
{
    return backends->idle_count;
}
