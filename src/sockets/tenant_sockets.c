/* SPDX-License-Identifier: MIT */
/* The life of a tenant's listeners and of its use of namespaces. */
#include "sockets_internal.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <stdlib.h>

void tenant_sockets_init(struct tenant_sockets *tenant, const char *name, const struct plan *plan)
{
    *tenant = (struct tenant_sockets){.name = name, .plan = plan, .resident.name = name};
}

void tenant_sockets_fill(struct tenant_sockets *tenant)
{
    const struct plan *plan = tenant->plan;

    tenant->listener_count = plan->listener_count;
    tenant->listeners = memory_zeroed(plan->listener_count, sizeof(tenant->listeners[0]));
    for (uint32_t i = 0; i < plan->listener_count; i++)
        tenant->listeners[i] = (struct listener){.plan = &plan->listeners[i], .fd = -1};
    tenant->server_count = plan->server_count;
    tenant->servers = memory_zeroed(plan->server_count, sizeof(tenant->servers[0]));
    for (uint32_t i = 0; i < plan->server_count; i++)
        tenant->servers[i].netns = &plan->servers[i];
}

void tenant_listeners_free(struct listener *listeners, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        descriptor_close(listeners[i].fd);
    }
    free(listeners);
}

void tenant_servers_free(struct server_netns *servers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        namespace_release(&servers[i].use);
        free(servers[i].trouble);
    }
    free(servers);
}

void tenant_sockets_clear(struct tenant_sockets *tenant)
{
    tenant_listeners_free(tenant->listeners, tenant->listener_count);
    tenant_servers_free(tenant->servers, tenant->server_count);
    tenant->listeners = NULL;
    tenant->servers = NULL;
    tenant->listener_count = tenant->server_count = 0;
    namespace_release(&tenant->netns);
}

void tenant_sockets_free(struct tenant_sockets *tenant)
{
    tenant_sockets_clear(tenant);
    if (tenant->sockets)
        TAILQ_REMOVE(&tenant->sockets->tenants, tenant, next);
    free(tenant->trouble);
    tenant->sockets = NULL;
    tenant->trouble = NULL;
}

void tenant_sockets_forget(struct tenant_sockets *tenant, uint64_t workers)
{
    LISTENERS_FOREACH (listener, tenant) {
        listener->holders &= ~workers;
        listener->lacking &= ~workers;
    }
}

/* ---- for the next binary ---- */

/* In the order of the plan: what is bound, and in which namespaces of servers workers
 * have sockets. */
void tenant_sockets_put(struct wire_writer *writer, const struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        wire_put_descriptor(writer, listener->state == LISTENER_BOUND ? listener->fd : -1);
        wire_put_u32(writer, (uint32_t)listener->error);
    }
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        wire_put_bool(writer, tenant->servers[i].is_used);
        wire_put_u64(writer, tenant->servers[i].id.device);
        wire_put_u64(writer, tenant->servers[i].id.inode);
    }
}

void tenant_sockets_get(struct wire_reader *reader, struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        listener->fd = wire_get_descriptor(reader);
        listener->error = (int)wire_get_u32(reader);
        if (listener->fd >= 0)
            listener->state = LISTENER_BOUND;
        else
            listener->state = listener->error ? LISTENER_DEGRADED : LISTENER_WAITING;
    }
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        tenant->servers[i].is_used = wire_get_bool(reader);
        tenant->servers[i].id.device = wire_get_u64(reader);
        tenant->servers[i].id.inode = wire_get_u64(reader);
    }
}
