/* SPDX-License-Identifier: MIT */
/* Looking for listeners' addresses in their namespaces, when somebody asks. */
#include "presence_internal.h"

#include "supervisor_internal.h"

#include "base/address.h"
#include "io/socket.h"

#include <unistd.h>

#define PRESENCE_MOMENT 0.02 /* seconds of one look: more than 500 tenants */

bool presence_here(const struct address *address)
{
    return address_is_wildcard(address) || socket_address_is_here(address);
}

void presence_tell(const char *tenant, const char *netns, const struct listener *listener)
{
    if (listener->is_absent)
        log_warn("tenant %s: listening on %s, but network namespace %s has no such address", tenant,
                 listener->plan->text, netns);
    else
        log_notice("tenant %s: network namespace %s has the address of %s now", tenant, netns,
                   listener->plan->text);
}

/* Inside the namespace. */
static int presence_find(void *argument)
{
    struct tenant_sockets *sockets = argument;

    for (uint32_t i = 0; i < sockets->listener_count; i++)
        sockets->listeners[i].is_here = presence_here(&sockets->listeners[i].plan->address);
    return 0;
}

static void presence_take(struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];

        if (listener->state != LISTENER_BOUND || listener->is_absent == !listener->is_here)
            continue;
        listener->is_absent = !listener->is_here;
        presence_tell(record->name, record->plan.netns.text, listener);
    }
}

static bool presence_matters(const struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        const struct listener *listener = &record->sockets.listeners[i];

        if (listener->state == LISTENER_BOUND && !address_is_wildcard(&listener->plan->address))
            return true;
    }
    return false;
}

static void presence_look_into(struct supervisor *supervisor, struct record *record)
{
    struct netns_id id;
    char why[160];
    int fd;

    if (!presence_matters(record))
        return;
    if (record->plan.netns.kind == NETNS_HOST) {
        presence_find(&record->sockets);
        presence_take(record);
        return;
    }
    if (namespace_open(record->netns.namespace, &fd, &id, why) != NETNS_OPEN_OK)
        return; /* it goes: that is told by others */
    if (resident_is_in(&record->resident, id) &&
        netns_within(supervisor->namespaces.home, fd, presence_find, &record->sockets) == 0)
        presence_take(record);
    close(fd);
}

void presence_look(struct supervisor *supervisor)
{
    double end = loop_clock() + PRESENCE_MOMENT;
    struct record *record;

    for (record = supervisor->registry.records; record; record = record->hh.next) {
        if (record->presence_turn == supervisor->presence_turn)
            continue;
        presence_look_into(supervisor, record);
        record->presence_turn = supervisor->presence_turn;
        if (loop_clock() >= end)
            return; /* the next look goes on with the others */
    }
    supervisor->presence_turn++;
}
