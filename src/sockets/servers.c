/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces. A socket stays in the namespace in which it was made, so that
 * a worker may use what it could never make. */
#include "sockets_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- using and leaving ---- */

static void server_on_gone(const struct tenant_sockets *tenant, struct server_netns *server)
{
    const struct sockets *sockets = tenant->sockets;
    const struct closed_sockets closed = {tenant->name, server->netns->text, server->id};

    log_notice("tenant %s: network namespace %s is gone or another one, leaving its servers",
               tenant->name, server->netns->text);
    sockets->events->on_stale(sockets->owner, &closed, SOCKETS_GRACE);
    server->is_used = false;
}

static void server_on_change(struct namespace_use *use)
{
    struct server_netns *server = CONTAINER_OF(use, struct server_netns, use);

    if (server->is_used && namespace_has_left(use->namespace, server->id))
        server_on_gone(use->owner, server);
}

static struct server_netns *server_find(const struct tenant_sockets *tenant, struct slice text)
{
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        if (slice_equal(slice_of(tenant->servers[i].netns->text), text))
            return &tenant->servers[i];
    }
    return NULL;
}

void servers_take_namespaces(struct tenant_sockets *tenant)
{
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        struct server_netns *server = &tenant->servers[i];

        server->use = (struct namespace_use){.on_change = server_on_change, .owner = tenant};
        namespace_take(tenant->sockets->namespaces, &server->use, server->netns);
    }
}

static void server_leave(const struct tenant_sockets *tenant, const struct server_netns *server)
{
    const struct sockets *sockets = tenant->sockets;
    const struct closed_sockets closed = {tenant->name, server->netns->text, server->id};

    if (server->is_used)
        sockets->events->on_stale(sockets->owner, &closed, sockets->drain_limit);
    drain_add_servers(tenant, server);
}

void servers_adopt(struct tenant_sockets *tenant, struct server_netns *before, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct server_netns *server = server_find(tenant, slice_of(before[i].netns->text));

        if (!server) {
            server_leave(tenant, &before[i]);
            continue;
        }
        server->is_used = before[i].is_used;
        server->id = before[i].id;
        server->trouble = before[i].trouble;
        before[i].trouble = NULL;
    }
    servers_take_namespaces(tenant);
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        if (!tenant->servers[i].is_used)
            drain_take_back(tenant, &tenant->servers[i]);
    }
}

void sockets_leave_servers(struct tenant_sockets *tenant)
{
    for (uint32_t i = 0; i < tenant->server_count; i++)
        server_leave(tenant, &tenant->servers[i]);
}

/* ---- making ---- */

/* Inside the namespace: nothing here may block, log or fork. */
static int sockets_make(void *argument)
{
    struct sockets_batch *batch = argument;

    while (batch->count < IPC_DESCRIPTORS_MAX) {
        int fd = socket_for(batch->family);

        if (fd < 0) {
            batch->error = errno;
            break;
        }
        batch->sockets[batch->count++] = fd;
    }
    return 0;
}

/* Closes the namespace's descriptor. */
static void sockets_make_in(struct sockets *sockets, int namespace, struct sockets_batch *batch)
{
    if (netns_within(sockets->namespaces->home, namespace, sockets_make, batch) < 0)
        batch->error = errno;
    else if (batch->count > 0)
        batch->error = 0;
    close(namespace);
}

/* Once per reason. NULL: there is none any more. */
static void server_tell(const struct tenant_sockets *tenant, struct server_netns *server,
                        const char *why)
{
    if (why && server->trouble && strcmp(server->trouble, why) == 0)
        return;
    if (why)
        log_notice("tenant %s: no sockets for servers in network namespace %s: %s", tenant->name,
                   server->netns->text, why);
    else if (server->trouble)
        log_notice("tenant %s: network namespace %s is there, its servers are used again",
                   tenant->name, server->netns->text);
    free(server->trouble);
    server->trouble = why ? memory_text(why) : NULL;
}

static void server_fill(const struct tenant_sockets *tenant, struct server_netns *server,
                        struct sockets_batch *batch)
{
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];
    int fd;

    verdict = namespace_open(server->use.namespace, &fd, &id, why);
    if (verdict != NETNS_OPEN_OK) {
        batch->error = verdict == NETNS_OPEN_ABSENT ? ENOENT : EACCES;
        server_tell(tenant, server, why);
        return;
    }
    if (server->is_used && !netns_id_equal(server->id, id))
        server_on_gone(tenant, server); /* between two looks */
    sockets_make_in(tenant->sockets, fd, batch);
    if (batch->count == 0) {
        snprintf(why, sizeof(why), "cannot make one: %s", error_reason(batch->error));
        server_tell(tenant, server, why);
        return;
    }
    server_tell(tenant, server, NULL);
    server->id = id;
    server->is_used = true;
}

/* ---- asking ---- */

void sockets_fill(struct sockets *sockets, struct sockets_worker worker,
                  struct tenant_sockets *tenant, const struct ipc_sockets_ask *question,
                  struct sockets_batch *batch)
{
    bool has_served = tenant && (tenant->served[worker.half] & worker.bit) != 0;
    struct server_netns *server = has_served ? server_find(tenant, question->netns) : NULL;
    int fd;

    if (server) {
        server_fill(tenant, server, batch);
        return;
    }
    batch->error = drain_open(sockets, worker, question, &fd);
    if (batch->error == 0)
        sockets_make_in(sockets, fd, batch);
}
