/* SPDX-License-Identifier: MIT */
/* What each tenant has here at the moment. */
#include "connection_internal.h"
#include "registry_internal.h"

static uint32_t count_retiring(const struct connection_list *list)
{
    const struct connection *connection;
    uint32_t count = 0;

    TAILQ_FOREACH (connection, list, of_tenant)
        count += connection->retiring != CLOSE_NONE;
    return count;
}

void frontend_stats(const struct frontend *frontend,
                    void (*take)(void *owner, const struct frontend_stats *stats), void *owner)
{
    const struct frontend_tenant *tenant;

    for (tenant = frontend->tenants; tenant; tenant = tenant->hh.next) {
        struct frontend_stats stats = {.tenant = frontend_tenant_name(tenant),
                                       .connections = tenant->connections,
                                       .requests = tenant->requests,
                                       .refused = tenant->refused};

        stats.draining = count_retiring(&tenant->idle) + count_retiring(&tenant->busy);
        take(owner, &stats);
    }
}
