/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces: asked of the supervisor, which alone may enter one. */
#include "worker_internal.h"

#include <errno.h>
#include <math.h>

/* As the messages have it. */
static uint8_t family_number(sa_family_t family)
{
    return family == AF_INET6 ? 6 : 4;
}

int worker_ask_sockets(void *owner, const struct backend_place *place)
{
    struct worker *worker = owner;
    struct wire_writer body;

    if (!worker->channel)
        return ENOTCONN;
    wire_writer_init(&body);
    wire_put_slice(&body, place->tenant);
    wire_put_slice(&body, place->netns);
    wire_put_u8(&body, family_number(place->family));
    ipc_send(worker->channel, IPC_SOCKETS_ASK, &body, NULL, 0, NULL);
    wire_writer_free(&body);
    return 0;
}

int worker_take_sockets(struct worker *worker, struct ipc_received *received)
{
    struct backend_place place = {.tenant = wire_get_slice(&received->body)};
    uint8_t family;
    uint32_t error;

    place.netns = wire_get_slice(&received->body);
    family = wire_get_u8(&received->body);
    error = wire_get_u32(&received->body);
    if (wire_finish(&received->body) != 0 || (family != 4 && family != 6) || error > INT32_MAX)
        return ERROR_IPC;
    place.family = family == 6 ? AF_INET6 : AF_INET;
    if (received->is_short)
        error = EMFILE;
    backends_take_sockets(worker->backends, &place, received->descriptors,
                          received->descriptor_count, (int)error);
    for (unsigned i = 0; i < received->descriptor_count; i++)
        received->descriptors[i] = -1;
    return 0;
}

int worker_leave_namespace(struct worker *worker, struct ipc_received *received)
{
    struct backend_place place = {.tenant = wire_get_slice(&received->body)};
    uint32_t milliseconds;

    place.netns = wire_get_slice(&received->body);
    milliseconds = wire_get_u32(&received->body);
    if (wire_finish(&received->body) != 0)
        return ERROR_IPC;
    backends_leave_namespace(worker->backends, &place,
                             milliseconds == UINT32_MAX ? INFINITY : milliseconds / 1000.0);
    return 0;
}
