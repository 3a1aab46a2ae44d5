/* SPDX-License-Identifier: MIT */
/* A worker's listeners, and whether they are watched. All of them live in one epoll set of their
 * own, which is one descriptor in the loop: pausing all of them is one call. The sockets are
 * shared with other processes, so that closing one does not take it out of the set: that is always
 * said. */
#include "registry_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "limits_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A shortage that comes back within so many seconds is the same one, and is told once. */
#define SHORT_EPISODE 5.0

/* ---- watching ---- */

static void watch(struct front_listener *listener)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};

    if (epoll_ctl(listener_frontend(listener)->listen_set, EPOLL_CTL_ADD, listener->fd, &event) < 0)
        log_error("listener %s: epoll_ctl: %s", listener->address, strerror(errno));
    else
        listener->is_watched = true;
}

static void unwatch(struct front_listener *listener)
{
    epoll_ctl(listener_frontend(listener)->listen_set, EPOLL_CTL_DEL, listener->fd, NULL);
    loop_cancel(listener_frontend(listener)->config.loop, &listener->turn);
    listener->is_watched = false;
}

void listener_refresh(struct front_listener *listener)
{
    const struct frontend_tenant *tenant = listener->tenant;
    bool wanted = listener->fd >= 0 && listener->current && !tenant->is_full;

    if (wanted && !listener->is_watched)
        watch(listener);
    else if (!wanted && listener->is_watched)
        unwatch(listener);
}

/* ---- an entry's life ---- */

static void listener_bury(struct loop_task *task)
{
    struct front_listener *listener = CONTAINER_OF(task, struct front_listener, grave);
    struct frontend_tenant *tenant = listener->tenant;

    LIST_REMOVE(listener, next);
    counting_forget(listener);
    free(listener);
    frontend_tenant_settle(tenant);
}

struct front_listener *listener_find(struct frontend_tenant *tenant,
                                     const struct frontend_listener_id *id)
{
    struct front_listener *listener;

    LIST_FOREACH (listener, &tenant->listeners, next) {
        if (listener->netns == id->netns && slice_equal(listener_address(listener), id->address))
            return listener;
    }
    return NULL;
}

struct front_listener *listener_new(struct frontend_tenant *tenant,
                                    const struct frontend_listener_id *id)
{
    const struct slice address = id->address;
    struct front_listener *listener = memory_zeroed(1, sizeof(*listener) + address.len + 1);

    listener->tenant = tenant;
    listener->fd = -1;
    listener->turn.run = tenant->frontend->accept;
    listener->grave.run = listener_bury;
    listener->netns = id->netns;
    listener->address_len = address.len;
    memcpy(listener->address, address.data, address.len);
    LIST_INSERT_HEAD(&tenant->listeners, listener, next);
    return listener;
}

void listener_settle(struct front_listener *listener)
{
    if (listener->fd < 0 && listener->connections == 0)
        loop_bury(listener_frontend(listener)->config.loop, &listener->grave);
}

void listener_set_fd(struct front_listener *listener, int fd)
{
    struct frontend *frontend = listener_frontend(listener);

    if (listener->is_watched)
        unwatch(listener);
    if (listener->fd >= 0) {
        close(listener->fd);
        frontend->listeners--;
    }
    listener->fd = fd;
    if (fd < 0) {
        listener_settle(listener);
        return;
    }
    frontend->listeners++;
    loop_cancel(frontend->config.loop, &listener->grave);
    listener_refresh(listener);
}

/* ---- shortages ---- */

void listeners_pause(struct frontend *frontend, const char *reason)
{
    double now = loop_now(frontend->config.loop);

    if (frontend->short_at <= 0 || now - frontend->short_at > SHORT_EPISODE)
        log_warn("accepting pauses: %s (%u connections)", reason, frontend->connections);
    frontend->short_at = now;
    frontend->is_short = true;
    watch_change(&frontend->listen_watch, 0);
    deadline_set(&frontend->listen_retry, LIMIT_ACCEPT_PAUSE);
}

void listeners_resume(struct frontend *frontend)
{
    if (!frontend->is_short)
        return;
    frontend->is_short = false;
    deadline_clear(&frontend->listen_retry);
    watch_change(&frontend->listen_watch, EPOLLIN);
}

/* ---- max_connections ---- */

static void refresh_all(struct frontend_tenant *tenant)
{
    struct front_listener *listener;

    LIST_FOREACH (listener, &tenant->listeners, next) {
        listener_refresh(listener);
    }
}

void listeners_tenant_has_room(struct frontend_tenant *tenant)
{
    if (!tenant->is_full)
        return;
    tenant->is_full = false;
    deadline_clear(&tenant->recheck);
    refresh_all(tenant);
}

void listeners_tenant_is_full(struct frontend_tenant *tenant)
{
    tenant->is_full = true;
    refresh_all(tenant);
    deadline_set(&tenant->recheck, LIMIT_ACCEPT_PAUSE);
}
