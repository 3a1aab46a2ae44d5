/* SPDX-License-Identifier: MIT */
/* The registry of a worker's tenants: set, replace, remove, drain. */
#include "registry_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "connection_internal.h"
#include "memory_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void on_drained(struct loop_task *task)
{
    struct frontend *frontend = CONTAINER_OF(task, struct frontend, drained);

    if (frontend->config.on_drained)
        frontend->config.on_drained(frontend->config.owner);
}

struct frontend *frontend_new(const struct frontend_config *config)
{
    struct frontend *frontend = memory_zeroed(1, sizeof(*frontend));

    frontend->config = *config;
    frontend->drain_limit = FRONTEND_DRAIN_LIMIT;
    frontend->drained.run = on_drained;
    if (config->figures)
        frontend->process = metrics_worker(config->figures, 0);
    LIST_INIT(&frontend->all);
    LIST_INIT(&frontend->free);
    front_stream_pool_init(&frontend->streams);
    exchange_pool_init(&frontend->exchanges, config->loop);
    frontend->shared = dispatch_shared_new(&config->log);
    if (accept_init(frontend) == 0)
        return frontend;
    dispatch_shared_free(frontend->shared);
    exchange_pool_free(&frontend->exchanges);
    free(frontend);
    return NULL;
}

struct frontend_tenant *frontend_find_tenant(struct frontend *frontend, struct slice name)
{
    struct frontend_tenant *tenant = tenants_find(frontend, name);

    return tenant && tenant->tenant ? tenant : NULL;
}

/* ---- many connections at once ---- */

/* Those of one listener, or (NULL) all. */
static void retire_list(struct connection_list *list, const struct front_listener *listener,
                        const struct retirement *how)
{
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(list); connection; connection = next) {
        next = TAILQ_NEXT(connection, of_tenant);
        if (!listener || connection->listener == listener)
            connection_retire(connection, how);
    }
}

static void retire_connections(struct frontend_tenant *tenant,
                               const struct front_listener *listener, const struct retirement *how)
{
    retire_list(&tenant->idle, listener, how);
    retire_list(&tenant->busy, listener, how);
}

static void refresh_listeners(struct frontend_tenant *tenant)
{
    const struct retirement how = {.reason = CLOSE_LISTENER_REMOVED,
                                   .limit = tenant->frontend->drain_limit};
    struct front_listener *listener;

    LIST_FOREACH (listener, &tenant->listeners, next) {
        listener->current = tenant_find_listener(tenant->tenant, listener_address(listener));
        listener_refresh(listener);
        if (!listener->current && listener->connections > 0)
            retire_connections(tenant, listener, &how);
    }
}

/* ---- what the worker asks for ---- */

/* What is left of a removed tenant counts no more: its row of the tally may be another's soon. */
static void uncount_list(struct frontend_tenant *tenant, struct connection_list *list)
{
    struct frontend_config *config = &tenant->frontend->config;
    struct connection *connection;

    TAILQ_FOREACH (connection, list, of_tenant) {
        if (connection->is_counted && config->tally)
            tally_add(config->tally, tenant->slot, config->column, -1);
        connection->is_counted = false;
    }
}

static void uncount(struct frontend_tenant *tenant)
{
    uncount_list(tenant, &tenant->idle);
    uncount_list(tenant, &tenant->busy);
}

void frontend_set_tenant(struct frontend *frontend, struct tenant *tenant, uint32_t slot,
                         uint64_t number)
{
    struct frontend_tenant *entry = tenants_obtain(frontend, tenant->config.name);
    struct tenant *before;

    if (entry->slot != slot)
        uncount(entry);
    before = entry->tenant;
    entry->is_leaving = false;
    entry->tenant = tenant;
    entry->slot = slot;
    counting_begin(entry, number);
    loop_share_set_weight(entry->share, tenant->config.cpu_weight);
    backends_set_share(frontend->config.backends, tenant->config.name, entry->share);
    tenant_memory_bound(entry, tenant->config.max_memory);
    backends_set_figures(frontend->config.backends, tenant->config.name, frontend->config.figures,
                         number);
    listeners_tenant_has_room(entry); /* max_connections or max_memory may have grown */
    refresh_listeners(entry);
    if (tenant->verifies_clients || (before && before->verifies_clients))
        verification_retire_changed(entry);
    if (before)
        tenants_release(frontend, before);
}

void frontend_set_drain_limit(struct frontend *frontend, double seconds)
{
    frontend->drain_limit = seconds;
}

void frontend_remove_tenant(struct frontend *frontend, struct slice name)
{
    const struct retirement how = {.reason = CLOSE_TENANT_REMOVED, .limit = frontend->drain_limit};
    struct frontend_tenant *entry = frontend_find_tenant(frontend, name);

    if (!entry)
        return;
    uncount(entry);
    counting_end(entry);
    tenants_forget_current(entry);
    retire_connections(entry, NULL, &how);
}

/* Without closing what came by them. */
static void close_listeners(struct frontend_tenant *tenant)
{
    struct front_listener *listener, *next;

    for (listener = LIST_FIRST(&tenant->listeners); listener; listener = next) {
        next = LIST_NEXT(listener, next);
        listener_set_fd(listener, -1);
    }
}

static double patience_of(double limit)
{
    return limit / 2 < FRONTEND_PATIENCE ? limit / 2 : FRONTEND_PATIENCE;
}

void frontend_hand_over_tenant(struct frontend *frontend, struct slice name)
{
    const struct retirement how = {.reason = CLOSE_TENANT_MOVED,
                                   .patience = patience_of(frontend->drain_limit),
                                   .limit = frontend->drain_limit};
    struct frontend_tenant *entry = frontend_find_tenant(frontend, name);

    if (!entry)
        return;
    uncount(entry);
    close_listeners(entry);
    if (entry->connections == 0) {
        tenants_forget_current(entry);
        return;
    }
    entry->is_leaving = true;
    retire_connections(entry, NULL, &how);
}

void frontend_add_listener(struct frontend *frontend, const struct frontend_listener_id *id, int fd)
{
    struct frontend_tenant *entry = frontend_find_tenant(frontend, id->tenant);
    struct front_listener *listener;

    if (!entry || frontend->is_draining) {
        close(fd);
        return;
    }
    listener = listener_find(entry, id);
    if (!listener)
        listener = listener_new(entry, id);
    listener->current = tenant_find_listener(entry->tenant, id->address);
    listener_set_fd(listener, fd);
}

void frontend_remove_listener(struct frontend *frontend, const struct frontend_listener_id *id,
                              double seconds)
{
    const struct retirement how = {.reason = CLOSE_LISTENER_REMOVED, .limit = seconds};
    struct frontend_tenant *entry = tenants_find(frontend, id->tenant);
    struct front_listener *listener = entry ? listener_find(entry, id) : NULL;

    if (!listener)
        return;
    listener_set_fd(listener, -1);
    /* They would keep the namespace of a socket that is gone alive. */
    if (listener->connections > 0 && isfinite(seconds))
        retire_connections(entry, listener, &how);
}

void frontend_drain(struct frontend *frontend, double seconds)
{
    const struct retirement how = {
        .reason = CLOSE_DRAINING, .patience = patience_of(seconds), .limit = INFINITY};
    struct frontend_tenant *tenant, *next;

    if (frontend->is_draining)
        return;
    frontend->is_draining = true;
    HASH_ITER (hh, frontend->tenants, tenant, next) {
        close_listeners(tenant);
        retire_connections(tenant, NULL, &how);
    }
    if (frontend->connections == 0)
        loop_defer(frontend->config.loop, &frontend->drained);
}

bool frontend_close_idle(struct frontend *frontend)
{
    struct frontend_tenant *tenant, *next, *richest = NULL;

    HASH_ITER (hh, frontend->tenants, tenant, next) {
        if (!TAILQ_EMPTY(&tenant->idle) && (!richest || tenant->connections > richest->connections))
            richest = tenant;
    }
    if (richest)
        connection_close(TAILQ_FIRST(&richest->idle), CLOSE_SHORTAGE);
    return richest;
}

void frontend_trim(struct frontend *frontend)
{
    struct frontend_tenant *tenant, *next;

    HASH_ITER (hh, frontend->tenants, tenant, next) {
        if (tenant->tenant)
            tenant_trim(tenant->tenant);
    }
    exchange_pool_trim(&frontend->exchanges);
}

unsigned frontend_connections(const struct frontend *frontend)
{
    return frontend->connections;
}

unsigned frontend_cut(const struct frontend *frontend)
{
    return frontend->cut;
}

static void frontend_bury(struct loop_task *task)
{
    struct frontend *frontend = CONTAINER_OF(task, struct frontend, drained);

    connection_free_all(frontend);
    front_stream_pool_free(&frontend->streams);
    dispatch_shared_free(frontend->shared);
    exchange_pool_free(&frontend->exchanges);
    free(frontend);
}

void frontend_free(struct frontend *frontend)
{
    struct loop *loop;

    if (!frontend)
        return;
    loop = frontend->config.loop;
    connection_close_all(frontend);
    tenants_free(frontend);
    accept_free(frontend);
    /* Behind the exchanges and connections that were closed before it. */
    loop_cancel(loop, &frontend->drained);
    frontend->drained.run = frontend_bury;
    loop_bury(loop, &frontend->drained);
}
