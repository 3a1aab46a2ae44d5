/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces: asked of the supervisor, which alone may enter one. */
#include "worker_internal.h"

#include "ipc/body.h"

#include <errno.h>

int worker_ask_sockets(void *owner, const struct backend_netns_key *key)
{
    const struct worker *worker = owner;
    struct ipc_sockets_ask body = {key->tenant, key->netns, key->family};

    if (!worker->channel)
        return ENOTCONN;
    ipc_send_sockets_ask(worker->channel, IPC_SOCKETS_ASK, &body, NULL);
    return 0;
}

int worker_take_sockets(struct worker *worker, struct ipc_received *received)
{
    struct backend_netns_key key;
    struct ipc_sockets body;

    if (ipc_get_sockets(&received->body, &body) != 0)
        return ERROR_IPC;
    key = (struct backend_netns_key){
        .tenant = body.tenant, .netns = body.netns, .family = body.family};
    backends_take_sockets(worker->backends, &key, received->descriptors, received->descriptor_count,
                          received->is_short ? EMFILE : body.error);
    for (unsigned i = 0; i < received->descriptor_count; i++)
        received->descriptors[i] = -1;
    return 0;
}

int worker_leave_namespace(struct worker *worker, struct ipc_received *received)
{
    struct ipc_sockets_stale body;
    struct backend_netns_key key;

    if (ipc_get_sockets_stale(&received->body, &body) != 0)
        return ERROR_IPC;
    key = (struct backend_netns_key){.tenant = body.tenant, .netns = body.netns};
    backends_leave_namespace(worker->backends, &key, ipc_seconds(body.limit));
    return 0;
}
