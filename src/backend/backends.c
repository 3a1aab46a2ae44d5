/* SPDX-License-Identifier: MIT */
/* All groups of one worker, found by (tenant, upstream) so that health and idle connections live
 * through reloads. */
#include "group_internal.h"

#include "base/memory.h"
#include "pool_internal.h"

#include <stdlib.h>

struct backends *backends_new(struct loop *loop)
{
    struct backends *backends = memory_zeroed(1, sizeof(*backends));
    backends->loop = loop;
    return backends;
}

void backends_free(struct backends *backends)
{
    if (backends == NULL)
        return;
    struct backend_group *group, *next;
    HASH_ITER (hh, backends->groups, group, next) {
        group_free(group);
    }
    free(backends);
}

static struct backend_group *find_or_make(struct backends *backends, struct slice tenant,
                                          struct slice upstream)
{
    size_t len = tenant.len + 1 + upstream.len;
    char *key = memory_alloc(len);
    memcpy(key, tenant.data, tenant.len);
    key[tenant.len] = '/';
    memcpy(key + tenant.len + 1, upstream.data, upstream.len);

    struct backend_group *group;
    HASH_FIND(hh, backends->groups, key, len, group);
    if (group == NULL)
        group = group_new(backends, key, len);
    free(key);
    return group;
}

void backends_bind(struct backends *backends, struct tenant *tenant)
{
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        struct tenant_upstream *upstream = &tenant->upstreams[i];
        upstream->group = find_or_make(backends, tenant->config.name, upstream->config->name);
        upstream->group->bindings++;
        group_configure(upstream->group, upstream);
    }
}

void backends_unbind(struct backends *backends, struct tenant *tenant)
{
    (void)backends;
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        struct backend_group *group = tenant->upstreams[i].group;
        if (group == NULL || group->bindings == 0)
            continue;
        if (--group->bindings == 0)
            pool_close_group(group);
        group_check(group);
    }
}

void backends_drain(struct backends *backends)
{
    backends->is_draining = true;
    struct backend_group *group, *next;
    HASH_ITER (hh, backends->groups, group, next) {
        pool_close_group(group);
    }
}

unsigned backends_idle_count(const struct backends *backends)
{
    return backends->idle_count;
}
