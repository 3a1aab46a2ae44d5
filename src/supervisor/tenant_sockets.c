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

/* ---- for the next binary ---- */

/* In the order of the plan: what is bound, and in which places workers have sockets. */
void tenant_sockets_put(struct wire_writer *writer, const struct tenant_sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        const struct listener *listener = &sockets->listeners[i];

        wire_put_descriptor(writer, listener->state == LISTENER_BOUND ? listener->fd : -1);
        wire_put_u32(writer, (uint32_t)listener->error);
    }
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        wire_put_bool(writer, sockets->places[i].is_used);
        wire_put_u64(writer, sockets->places[i].id.device);
        wire_put_u64(writer, sockets->places[i].id.inode);
    }
}

void tenant_sockets_get(struct wire_reader *reader, struct tenant_sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        struct listener *listener = &sockets->listeners[i];

        listener->fd = wire_get_descriptor(reader);
        listener->error = (int)wire_get_u32(reader);
        if (listener->fd >= 0)
            listener->state = LISTENER_BOUND;
        else
            listener->state = listener->error ? LISTENER_DEGRADED : LISTENER_WAITING;
    }
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        sockets->places[i].is_used = wire_get_bool(reader);
        sockets->places[i].id.device = wire_get_u64(reader);
        sockets->places[i].id.inode = wire_get_u64(reader);
    }
}
