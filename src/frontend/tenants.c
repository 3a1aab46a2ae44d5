/* SPDX-License-Identifier: MIT */
/* The entries of a worker's tenants: found, made, emptied, and who counts a connection. */
#include "registry_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/gate.h"

#include <stdlib.h>
#include <string.h>

struct frontend_tenant *tenants_find(struct frontend *frontend, struct slice name)
{
    struct frontend_tenant *tenant = NULL;

    if (name.len > 0)
        HASH_FIND(hh, frontend->tenants, name.data, name.len, tenant);
    return tenant;
}

void tenants_release(struct frontend *frontend, struct tenant *tenant)
{
    if (tenant->references == 1)
        backends_unbind(frontend->config.backends, tenant);
    tenant_unref(tenant);
}

/* ---- an entry's life ---- */

static void on_recheck(struct deadline *deadline)
{
    listeners_tenant_has_room(CONTAINER_OF(deadline, struct frontend_tenant, recheck));
}

static void tenant_bury(struct loop_task *task)
{
    struct frontend_tenant *tenant = CONTAINER_OF(task, struct frontend_tenant, grave);

    deadline_stop(&tenant->recheck);
    gate_disown(tenant->share);
    loop_share_unref(tenant->share);
    HASH_DEL(tenant->frontend->tenants, tenant);
    free(tenant);
}

/* What is left of a tenant of that name at the servers' side goes on in its share. */
static struct loop_share *share_for(struct frontend *frontend, struct slice name)
{
    struct loop_share *before = backends_share(frontend->config.backends, name);

    return before ? loop_share_ref(before) : loop_share_new(frontend->config.loop, SHARE_WEIGHT);
}

static struct frontend_tenant *tenant_entry_new(struct frontend *frontend, struct slice name)
{
    struct frontend_tenant *tenant = memory_zeroed(1, sizeof(*tenant) + name.len);

    tenant->frontend = frontend;
    tenant->share = share_for(frontend, name);
    tenant->grave.run = tenant_bury;
    tenant->name_len = name.len;
    memcpy(tenant->name, name.data, name.len);
    TAILQ_INIT(&tenant->idle);
    TAILQ_INIT(&tenant->busy);
    LIST_INIT(&tenant->listeners);
    deadline_init(&tenant->recheck, frontend->config.loop, on_recheck);
    HASH_ADD_KEYPTR(hh, frontend->tenants, tenant->name, tenant->name_len, tenant);
    return tenant;
}

struct frontend_tenant *tenants_obtain(struct frontend *frontend, struct slice name)
{
    struct frontend_tenant *tenant = tenants_find(frontend, name);

    if (!tenant)
        tenant = tenant_entry_new(frontend, name);
    loop_cancel(frontend->config.loop, &tenant->grave);
    return tenant;
}

void tenants_forget_current(struct frontend_tenant *tenant)
{
    struct tenant *before = tenant->tenant;
    struct front_listener *listener, *next;

    tenant->tenant = NULL;
    tenant->is_leaving = false;
    for (listener = LIST_FIRST(&tenant->listeners); listener; listener = next) {
        next = LIST_NEXT(listener, next);
        listener->current = NULL;
        listener_set_fd(listener, -1);
    }
    deadline_clear(&tenant->recheck);
    frontend_tenant_settle(tenant);
    tenants_release(tenant->frontend, before);
}

/* ---- connections ---- */

void tenants_count_connection(struct front_listener *listener)
{
    struct frontend_tenant *tenant = listener->tenant;
    struct frontend *frontend = tenant->frontend;

    listener->connections++;
    tenant->connections++;
    frontend->connections++;
    if (frontend->config.tally)
        tally_add(frontend->config.tally, tenant->slot, frontend->config.column, 1);
}

void tenants_uncount_connection(struct front_listener *listener, bool is_counted)
{
    struct frontend_tenant *tenant = listener->tenant;
    struct frontend *frontend = tenant->frontend;

    if (is_counted && frontend->config.tally)
        tally_add(frontend->config.tally, tenant->slot, frontend->config.column, -1);
    tenant->connections--;
    frontend->connections--;
    listener->connections--;
    listeners_tenant_has_room(tenant);
    listeners_resume(frontend);
    listener_settle(listener);
    if (tenant->is_leaving && tenant->connections == 0)
        tenants_forget_current(tenant);
    if (frontend->is_draining && frontend->connections == 0)
        loop_defer(frontend->config.loop, &frontend->drained);
}

/* ---- the frontend's end ---- */

static void free_entry(struct frontend_tenant *tenant)
{
    struct loop *loop = tenant->frontend->config.loop;
    struct front_listener *listener;

    while ((listener = LIST_FIRST(&tenant->listeners))) {
        listener_set_fd(listener, -1);
        loop_cancel(loop, &listener->grave);
        LIST_REMOVE(listener, next);
        counting_forget(listener);
        free(listener);
    }
    if (tenant->tenant)
        tenants_release(tenant->frontend, tenant->tenant);
    loop_cancel(loop, &tenant->grave);
    tenant_bury(&tenant->grave);
}

void tenants_free(struct frontend *frontend)
{
    struct frontend_tenant *tenant, *next;

    HASH_ITER (hh, frontend->tenants, tenant, next) {
        free_entry(tenant);
    }
}
