/* SPDX-License-Identifier: MIT */
/* What each tenant has here at the moment. */
#include "connection_internal.h"
#include "frontend_internal.h"

static uint32_t count_retiring(const struct connection_list *list)
{
    const struct connection *connection;
    uint32_t count = 0;

    TAILQ_FOREACH (connection, list, of_tenant)
        count += connection->retiring != CLOSE_NONE;
    return count;
}

void frontend_figures(const struct frontend *frontend,
                      void (*take)(void *owner, const struct frontend_figures *figures),
                      void *owner)
{
    const struct frontend_tenant *tenant;

    for (tenant = frontend->tenants; tenant; tenant = tenant->hh.next) {
        struct frontend_figures figures = {.tenant = frontend_tenant_name(tenant),
                                           .connections = tenant->connections,
                                           .requests = tenant->requests};

        figures.draining = count_retiring(&tenant->idle) + count_retiring(&tenant->busy);
        take(owner, &figures);
    }
}
