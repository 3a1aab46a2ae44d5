/* SPDX-License-Identifier: MIT */
/* Looking for listeners' addresses in their namespaces, when somebody asks. */
#include "sockets_internal.h"

#include "base/address.h"
#include "io/socket.h"

#include <unistd.h>

#define ADDRESSES_MOMENT 0.02 /* seconds of one look: more than 500 tenants */

bool address_is_present(const struct address *address)
{
    return address_is_wildcard(address) || socket_address_is_here(address);
}

void address_tell(const struct tenant_sockets *tenant, const struct listener *listener)
{
    const char *netns = tenant->plan->netns.text;

    if (listener->is_absent)
        log_warn("tenant %s: listening on %s, but network namespace %s has no such address",
                 tenant->name, listener->plan->text, netns);
    else
        log_notice("tenant %s: network namespace %s has the address of %s now", tenant->name, netns,
                   listener->plan->text);
}

/* Inside the namespace. */
static int addresses_find(void *argument)
{
    struct tenant_sockets *tenant = argument;

    LISTENERS_FOREACH (listener, tenant)
        listener->is_here = address_is_present(&listener->plan->address);
    return 0;
}

static void addresses_take(struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state != LISTENER_BOUND || listener->is_absent == !listener->is_here)
            continue;
        listener->is_absent = !listener->is_here;
        address_tell(tenant, listener);
    }
}

static bool addresses_matter(const struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state == LISTENER_BOUND && !address_is_wildcard(&listener->plan->address))
            return true;
    }
    return false;
}

static void addresses_look_into(const struct sockets *sockets, struct tenant_sockets *tenant)
{
    struct netns_id id;
    char why[160];
    int fd;

    if (!addresses_matter(tenant))
        return;
    if (tenant->plan->netns.kind == NETNS_HOST) {
        addresses_find(tenant);
        addresses_take(tenant);
        return;
    }
    if (namespace_open(tenant->netns.namespace, &fd, &id, why) != NETNS_OPEN_OK)
        return; /* it goes: that is told by others */
    if (resident_is_in(&tenant->resident, id) &&
        netns_within(sockets->namespaces->home, fd, addresses_find, tenant) == 0)
        addresses_take(tenant);
    close(fd);
}

void sockets_look_for_addresses(struct sockets *sockets)
{
    double end = loop_clock() + ADDRESSES_MOMENT;
    struct tenant_sockets *tenant;

    TAILQ_FOREACH (tenant, &sockets->tenants, next) {
        if (tenant->turn == sockets->turn)
            continue;
        addresses_look_into(sockets, tenant);
        tenant->turn = sockets->turn;
        if (loop_clock() >= end)
            return; /* the next look goes on with the others */
    }
    sockets->turn++;
}
