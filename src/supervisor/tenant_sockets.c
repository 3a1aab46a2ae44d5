/* SPDX-License-Identifier: MIT */
/* The life of a tenant's listeners and places. */
#include "tenant_sockets_internal.h"

#include "base/memory.h"

#include <stdlib.h>
#include <unistd.h>

void tenant_sockets_init(struct tenant_sockets *sockets, const struct plan *plan)
{
    sockets->listener_count = plan->listener_count;
    sockets->listeners = memory_zeroed(plan->listener_count, sizeof(sockets->listeners[0]));
    for (uint32_t i = 0; i < plan->listener_count; i++)
        sockets->listeners[i] = (struct listener){.plan = &plan->listeners[i], .fd = -1};
    sockets->place_count = plan->place_count;
    sockets->places = memory_zeroed(plan->place_count, sizeof(sockets->places[0]));
    for (uint32_t i = 0; i < plan->place_count; i++)
        sockets->places[i].netns = &plan->places[i];
}

void tenant_sockets_free(struct tenant_sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        if (sockets->listeners[i].fd >= 0)
            close(sockets->listeners[i].fd);
    }
    free(sockets->listeners);
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        namespace_release(&sockets->places[i].use);
        free(sockets->places[i].trouble);
    }
    free(sockets->places);
    *sockets = (struct tenant_sockets){0};
}
