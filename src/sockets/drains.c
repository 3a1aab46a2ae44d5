/* SPDX-License-Identifier: MIT */
/* What a reload has left behind in namespaces, followed until nothing of it can run any more. */
#include "sockets_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/deadline.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum drain_kind { DRAIN_LISTENER, DRAIN_SERVERS };

struct drain {
    TAILQ_ENTRY(drain) next;
    struct sockets *sockets;
    struct namespace_use use; /* its owner is the drain */
    struct deadline limit;
    enum drain_kind kind;
    char *tenant;
    char *text;
    struct netns_id id;
    uint64_t served[TALLY_HALVES]; /* of servers: who may ask for sockets there */
    bool has_given;                /* of these since it was left */
    /* Freed at the limit, which is now: whoever tells of a namespace walks its uses. */
    bool is_over;
};

static struct closed_sockets drain_closed(const struct drain *drain)
{
    return (struct closed_sockets){drain->tenant, drain->text, drain->id};
}

static void drain_free(struct drain *drain)
{
    TAILQ_REMOVE(&drain->sockets->drains, drain, next);
    deadline_stop(&drain->limit);
    namespace_release(&drain->use);
    free(drain->tenant);
    free(drain->text);
    free(drain);
}

static void drain_on_limit(struct deadline *limit)
{
    struct drain *drain = CONTAINER_OF(limit, struct drain, limit);
    const struct closed_sockets closed = drain_closed(drain);

    if (drain->has_given && !drain->is_over)
        drain->sockets->events->on_stale(drain->sockets->owner, &closed, 0);
    drain_free(drain);
}

/* ---- when it goes ---- */

static void drain_on_gone(struct drain *drain)
{
    const struct sockets_events *events = drain->sockets->events;
    const struct closed_sockets closed = drain_closed(drain);

    log_notice("tenant %s: network namespace %s is gone or another one, cutting what it has left "
               "there",
               drain->tenant, drain->use.namespace->text);
    if (drain->kind == DRAIN_LISTENER)
        events->on_closed(drain->sockets->owner, &closed, UINT64_MAX, SOCKETS_GRACE);
    else
        events->on_stale(drain->sockets->owner, &closed, SOCKETS_GRACE);
    drain->is_over = true;
    deadline_set(&drain->limit, 0.);
}

static void drain_on_change(struct namespace_use *use)
{
    struct drain *drain = use->owner;

    if (!drain->is_over && drain->id.inode != 0 && namespace_has_left(use->namespace, drain->id))
        drain_on_gone(drain);
}

/* ---- what is followed ---- */

static struct drain *drain_find(struct namespace *namespace, enum drain_kind kind,
                                struct slice tenant, struct slice text)
{
    struct namespace_use *use;

    LIST_FOREACH (use, &namespace->uses, next) {
        struct drain *drain = use->owner;

        if (use->on_change == drain_on_change && !drain->is_over && drain->kind == kind &&
            slice_equal(slice_of(drain->tenant), tenant) &&
            slice_equal(slice_of(drain->text), text))
            return drain;
    }
    return NULL;
}

static struct drain *drain_new(struct sockets *sockets, enum drain_kind kind,
                               const struct closed_sockets *closed, const struct plan_netns *netns)
{
    struct drain *drain = memory_zeroed(1, sizeof(*drain));

    drain->sockets = sockets;
    drain->kind = kind;
    drain->tenant = memory_text(closed->tenant);
    drain->text = memory_text(closed->text);
    drain->use = (struct namespace_use){.on_change = drain_on_change, .owner = drain};
    namespace_take(sockets->namespaces, &drain->use, netns);
    deadline_init(&drain->limit, sockets_loop(sockets), drain_on_limit);
    TAILQ_INSERT_TAIL(&sockets->drains, drain, next);
    return drain;
}

static struct drain *drain_add(struct sockets *sockets, enum drain_kind kind,
                               const struct closed_sockets *closed, const struct plan_netns *netns)
{
    struct namespace *namespace = namespace_find(sockets->namespaces, slice_of(netns->text));
    struct drain *drain;

    assert(namespace); /* the tenant uses it still */
    drain = drain_find(namespace, kind, slice_of(closed->tenant), slice_of(closed->text));
    if (!drain || !netns_id_equal(drain->id, closed->id))
        drain = drain_new(sockets, kind, closed, netns);
    drain->id = closed->id;
    deadline_set(&drain->limit, sockets->drain_limit / 1000.);
    return drain;
}

void drain_add_listener(struct sockets *sockets, const struct closed_sockets *closed,
                        const struct plan_netns *netns)
{
    if (netns->kind != NETNS_HOST)
        drain_add(sockets, DRAIN_LISTENER, closed, netns);
}

/* ---- sockets for servers ---- */

void drain_add_servers(const struct tenant_sockets *tenant, const struct server_netns *server)
{
    const struct closed_sockets closed = {tenant->name, server->netns->text,
                                          server->is_used ? server->id : (struct netns_id){0}};
    struct drain *drain = drain_add(tenant->sockets, DRAIN_SERVERS, &closed, server->netns);

    memcpy(drain->served, tenant->served, sizeof(drain->served));
}

int drain_open(struct sockets *sockets, struct sockets_worker worker,
               const struct ipc_sockets_ask *question, int *fd)
{
    struct namespace *namespace = namespace_find(sockets->namespaces, question->netns);
    struct drain *drain =
        namespace ? drain_find(namespace, DRAIN_SERVERS, question->tenant, question->netns) : NULL;
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];

    if (!drain || !(drain->served[worker.half] & worker.bit))
        return ENOENT;
    verdict = namespace_open(namespace, fd, &id, why);
    if (verdict != NETNS_OPEN_OK)
        return verdict == NETNS_OPEN_ABSENT ? ENOENT : EACCES;
    if (drain->id.inode != 0 && !netns_id_equal(drain->id, id)) {
        close(*fd);
        return ENOENT;
    }
    drain->id = id;
    drain->has_given = true;
    return 0;
}

void drain_take_back(struct tenant_sockets *tenant, struct server_netns *server)
{
    struct namespace *namespace = server->use.namespace;
    struct drain *drain =
        drain_find(namespace, DRAIN_SERVERS, slice_of(tenant->name), slice_of(namespace->text));

    if (!drain)
        return;
    server->id = drain->id;
    server->is_used = drain->id.inode != 0;
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        tenant->served[half] |= drain->served[half];
    drain_free(drain); /* the tenant uses the namespace too */
}

void drains_on_death(struct sockets *sockets, struct sockets_worker worker)
{
    struct drain *drain;

    TAILQ_FOREACH (drain, &sockets->drains, next)
        drain->served[worker.half] &= ~worker.bit;
}

void drains_free(struct sockets *sockets)
{
    struct drain *drain;

    while ((drain = TAILQ_FIRST(&sockets->drains)))
        drain_free(drain);
}
