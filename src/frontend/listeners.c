/* SPDX-License-Identifier: MIT */
/* The accept side. All listeners of a worker live in one epoll set of their own, which is one
 * descriptor in the loop: pausing all of them is one ev_io_stop. The sockets are shared with other
 * processes, so that closing one does not take it out of the set: that is always said. */
#include "frontend_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "connection_internal.h"
#include "io/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Listeners told of at once; what does not fit comes with the next turn (level-triggered). */
#define BATCH 64
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
    free(listener);
    frontend_tenant_settle(tenant);
}

struct front_listener *listener_find(struct frontend_tenant *tenant,
                                     const struct frontend_place *place)
{
    struct front_listener *listener;

    LIST_FOREACH (listener, &tenant->listeners, next) {
        if (listener->netns == place->netns &&
            slice_equal(listener_address(listener), place->address))
            return listener;
    }
    return NULL;
}

struct front_listener *listener_new(struct frontend_tenant *tenant,
                                    const struct frontend_place *place)
{
    const struct slice address = place->address;
    struct front_listener *listener = memory_zeroed(1, sizeof(*listener) + address.len + 1);

    listener->tenant = tenant;
    listener->fd = -1;
    listener->grave.run = listener_bury;
    listener->netns = place->netns;
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

static void pause_all(struct frontend *frontend, const char *reason)
{
    double now = loop_now(frontend->config.loop);

    if (frontend->short_at <= 0 || now - frontend->short_at > SHORT_EPISODE)
        log_warn("accepting pauses: %s (%u connections)", reason, frontend->connections);
    frontend->short_at = now;
    frontend->is_short = true;
    ev_io_stop(frontend->config.loop->ev, &frontend->listen_io);
    deadline_set(&frontend->listen_retry, LIMIT_ACCEPT_PAUSE);
}

void listeners_resume(struct frontend *frontend)
{
    if (!frontend->is_short)
        return;
    frontend->is_short = false;
    deadline_clear(&frontend->listen_retry);
    ev_io_start(frontend->config.loop->ev, &frontend->listen_io);
}

static void on_retry(struct deadline *deadline)
{
    listeners_resume(CONTAINER_OF(deadline, struct frontend, listen_retry));
}

/* A client connection will want a second descriptor, for its backend. */
static bool has_descriptors(const struct frontend *frontend)
{
    uint64_t wanted =
        ((uint64_t)frontend->connections + 1) * 2 + frontend->listeners + LIMIT_RESERVE;

    return frontend->config.descriptors == 0 || wanted <= frontend->config.descriptors;
}

/* ---- max_connections ---- */

static bool is_at_limit(const struct frontend_tenant *tenant)
{
    const struct frontend_config *config = &tenant->frontend->config;
    uint32_t total = config->tally ? tally_total(config->tally, tenant->slot) : tenant->connections;

    return total >= tenant->tenant->config.max_connections;
}

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

/* Whether the tenant may have one more connection, if need be in place of an idle one. */
static bool has_room(struct frontend_tenant *tenant)
{
    if (!TAILQ_EMPTY(&tenant->idle) || !is_at_limit(tenant))
        return true;
    tenant->is_full = true;
    refresh_all(tenant);
    deadline_set(&tenant->recheck, LIMIT_ACCEPT_PAUSE);
    return false;
}

/* A connection is here, and not taken by another worker: the oldest idle one goes for it. */
static void make_room(struct frontend_tenant *tenant)
{
    struct connection *oldest = TAILQ_FIRST(&tenant->idle);

    if (oldest && is_at_limit(tenant))
        connection_close(oldest, CLOSE_ORDERLY, ERROR_NONE);
}

/* ---- accepting ---- */

static void is_dead(struct front_listener *listener, int error)
{
    struct frontend *frontend = listener_frontend(listener);

    log_warn("tenant %.*s: listener %s is dead: %s",
             SLICE_PRINTF(frontend_tenant_name(listener->tenant)), listener->address,
             strerror(error));
    listener_set_fd(listener, -1);
    if (frontend->config.on_listener_dead)
        frontend->config.on_listener_dead(frontend->config.owner,
                                          frontend_tenant_name(listener->tenant),
                                          listener_address(listener), error);
}

/* Returns whether the next accept(2) on this listener may find something. */
static bool accept_failed(struct front_listener *listener, int error)
{
    if (error == EAGAIN)
        return false;
    if (socket_accept_may_go_on(error))
        return true;
    if (error_is_shortage(error))
        pause_all(listener_frontend(listener), strerror(error));
    else
        is_dead(listener, error);
    return false;
}

static void accept_some(struct front_listener *listener)
{
    struct frontend *frontend = listener_frontend(listener);

    for (int i = 0; i < LIMIT_ACCEPT && listener->is_watched && !frontend->is_short; i++) {
        struct address peer;
        int fd;

        if (!has_descriptors(frontend)) {
            pause_all(frontend, "the rest of the descriptors is for the backends");
            return;
        }
        if (!has_room(listener->tenant))
            return;
        fd = socket_accept(listener->fd, &peer);
        if (fd < 0 && !accept_failed(listener, errno))
            return;
        if (fd < 0)
            continue;
        make_room(listener->tenant);
        connection_new(listener, fd, &peer);
    }
}

static void on_listeners(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct frontend *frontend = watcher->data;
    struct epoll_event ready[BATCH];
    int count = epoll_wait(frontend->listen_set, ready, BATCH, 0);

    (void)ev;
    (void)events;
    /* A listener that is closed in between is still there: it goes at the turn's end. */
    for (int i = 0; i < count && !frontend->is_short; i++)
        accept_some(ready[i].data.ptr);
}

/* ---- the set ---- */

int listeners_init(struct frontend *frontend)
{
    frontend->listen_set = epoll_create1(EPOLL_CLOEXEC);
    if (frontend->listen_set < 0)
        return -1;
    deadline_init(&frontend->listen_retry, frontend->config.loop, on_retry);
    ev_io_init(&frontend->listen_io, on_listeners, frontend->listen_set, EV_READ);
    frontend->listen_io.data = frontend;
    ev_io_start(frontend->config.loop->ev, &frontend->listen_io);
    return 0;
}

void listeners_free(struct frontend *frontend)
{
    deadline_stop(&frontend->listen_retry);
    ev_io_stop(frontend->config.loop->ev, &frontend->listen_io);
    close(frontend->listen_set);
}
