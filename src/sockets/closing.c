/* SPDX-License-Identifier: MIT */
/* Listeners that end by a reload, or with their namespace. */
#include "sockets_internal.h"

#include "base/descriptor.h"

#define CLOSING_HELD 1.0 /* seconds in which an address that we gave up may still be in use */

struct closed_sockets listener_closed(const struct tenant_sockets *tenant,
                                      const struct listener *listener)
{
    return (struct closed_sockets){tenant->name, listener->plan->text,
                                   resident_where(&tenant->resident)};
}

void listener_drop(struct listener *listener, enum listener_state state)
{
    descriptor_close(listener->fd);
    listener->fd = -1;
    listener->holders = listener->lacking = 0;
    listener->state = state;
}

/* ---- by a reload ---- */

void listeners_close(struct sockets *sockets, struct tenant_sockets *tenant,
                     const struct plan *next)
{
    LISTENERS_FOREACH (listener, tenant) {
        const struct closed_sockets closed = listener_closed(tenant, listener);

        if (listener->state == LISTENER_WAITING || (next && plan_find_same(next, listener->plan)))
            continue;
        if (listener->state == LISTENER_BOUND)
            sockets->held_until = loop_now(sockets_loop(sockets)) + CLOSING_HELD;
        sockets->events->on_closed(sockets->owner, &closed, listener->holders,
                                   sockets->drain_limit);
        drain_add_listener(sockets, &closed, &tenant->plan->netns);
        listener_drop(listener, LISTENER_WAITING);
    }
}

void sockets_close_all(struct sockets *sockets)
{
    struct tenant_sockets *tenant;

    TAILQ_FOREACH (tenant, &sockets->tenants, next)
        listeners_close(sockets, tenant, NULL);
}

void sockets_leave(struct sockets *sockets, struct tenant_sockets *tenant)
{
    listeners_close(sockets, tenant, NULL);
    if (!tenant->resident.residence)
        return;
    residents_leave(sockets->residents, &tenant->resident);
    namespaces_on_left(sockets->namespaces);
}

/* ---- with their namespace ---- */

/* All workers: one may have connections of a listener that it holds no more. */
void listeners_on_gone(struct sockets *sockets, struct tenant_sockets *tenant)
{
    log_notice("tenant %s: network namespace %s is gone or another one, closing its listeners",
               tenant->name, tenant->plan->netns.text);
    LISTENERS_FOREACH (listener, tenant) {
        const struct closed_sockets closed = listener_closed(tenant, listener);

        sockets->events->on_closed(sockets->owner, &closed, UINT64_MAX, SOCKETS_GRACE);
        listener_drop(listener, LISTENER_WAITING);
    }
    sockets_leave(sockets, tenant);
}
