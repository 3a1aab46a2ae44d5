/* SPDX-License-Identifier: MIT */
/* All tenants' sockets: their life, and plans that follow each other. */
#include "sockets_internal.h"

#include <string.h>
#include <sys/socket.h>

void sockets_set(struct sockets *sockets, bool is_shared, double seconds)
{
    sockets->is_shared = is_shared;
    sockets->drain_limit = seconds < 4e6 ? (uint32_t)(seconds * 1000.) : IPC_NO_LIMIT - 1;
}

/* ---- plans ---- */

static void sockets_add(struct sockets *sockets, struct tenant_sockets *tenant)
{
    if (tenant->sockets)
        return;
    tenant->sockets = sockets;
    TAILQ_INSERT_TAIL(&sockets->tenants, tenant, next);
}

void sockets_resume(struct sockets *sockets, struct tenant_sockets *tenant)
{
    sockets_add(sockets, tenant);
    listeners_take_namespace(tenant);
    servers_take_namespaces(tenant);
}

void sockets_release(struct sockets *sockets, struct tenant_sockets *tenant,
                     const struct plan *next)
{
    if (plan_same_netns(tenant->plan, next))
        listeners_close(sockets, tenant, next);
    else
        sockets_leave(sockets, tenant);
}

/* Sockets of the plan before it that go on. */
static void sockets_adopt_listeners(struct tenant_sockets *tenant, struct listener *before,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct plan_listener *old = before[i].plan;
        const struct plan_listener *plan = plan_find_same(tenant->plan, old);
        struct listener *listener;

        if (!plan)
            continue;
        listener = &tenant->listeners[plan - tenant->plan->listeners];
        *listener = before[i];
        listener->plan = plan;
        before[i].fd = -1;
        /* listen(2) on a listening socket only sets its backlog anew. */
        if (listener->fd >= 0 && plan->backlog != old->backlog)
            (void)listen(listener->fd, plan->backlog);
    }
}

void sockets_adopt(struct sockets *sockets, struct tenant_sockets *tenant,
                   const struct plan *before)
{
    struct listener *listeners = tenant->listeners;
    uint32_t listener_count = tenant->listener_count;
    struct server_netns *servers = tenant->servers;
    uint32_t server_count = tenant->server_count;
    bool stays = plan_same_netns(before, tenant->plan);

    sockets_add(sockets, tenant);
    tenant_sockets_fill(tenant);
    if (stays)
        sockets_adopt_listeners(tenant, listeners, listener_count);
    servers_adopt(tenant, servers, server_count);
    tenant_listeners_free(listeners, listener_count);
    tenant_servers_free(servers, server_count);
    if (stays)
        return;
    namespace_release(&tenant->netns);
    listeners_take_namespace(tenant);
}

/* ---- workers ---- */

void sockets_on_death(struct sockets *sockets, struct sockets_worker worker)
{
    struct tenant_sockets *tenant;

    TAILQ_FOREACH (tenant, &sockets->tenants, next)
        tenant->served[worker.half] &= ~worker.bit;
    drains_on_death(sockets, worker);
}

void sockets_on_generation(struct sockets *sockets)
{
    struct tenant_sockets *tenant;

    TAILQ_FOREACH (tenant, &sockets->tenants, next)
        tenant_sockets_forget(tenant, UINT64_MAX);
    memset(sockets->offers, 0, sizeof(sockets->offers));
}

/* ---- life ---- */

void sockets_init(struct sockets *sockets, struct namespaces *namespaces,
                  struct residents *residents, const struct sockets_events *events, void *owner)
{
    *sockets = (struct sockets){.namespaces = namespaces,
                                .residents = residents,
                                .events = events,
                                .owner = owner,
                                .turn = 1};
    TAILQ_INIT(&sockets->tenants);
    TAILQ_INIT(&sockets->drains);
    listeners_init_retry(sockets);
}

void sockets_stop(struct sockets *sockets)
{
    sockets->is_stopped = true;
    deadline_stop(&sockets->retry);
    hold_set(&sockets->hold, 0);
}

void sockets_free(struct sockets *sockets)
{
    sockets_stop(sockets);
    drains_free(sockets);
}
