/* SPDX-License-Identifier: MIT */
/* Accepting: what is ready in the listeners' epoll set becomes connections, within the bounds of
 * descriptors, of max_connections and of max_memory. */
#include "connection_internal.h"
#include "memory_internal.h"
#include "registry_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "io/socket.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Listeners told of at once; what does not fit comes with the next turn (level-triggered). */
#define BATCH 64

/* ---- bounds ---- */

/* A client connection will want a second descriptor, for its backend. */
#define OF_CONNECTION 2

uint64_t frontend_descriptors(const struct frontend *frontend)
{
    return (uint64_t)frontend->connections * OF_CONNECTION + frontend->listeners + LIMIT_RESERVE;
}

static bool has_descriptors(const struct frontend *frontend)
{
    return frontend->config.descriptors == 0 ||
           frontend_descriptors(frontend) + OF_CONNECTION <= frontend->config.descriptors;
}

static bool is_at_limit(const struct frontend_tenant *tenant)
{
    const struct frontend_config *config = &tenant->frontend->config;
    uint32_t total = config->tally ? tally_total(config->tally, tenant->slot) : tenant->connections;

    return total >= tenant->tenant->config.max_connections;
}

/* But for those that have asked, and wait to be read. */
static struct connection *oldest_idle(const struct frontend_tenant *tenant)
{
    struct connection *connection;

    TAILQ_FOREACH (connection, &tenant->idle, of_tenant) {
        if (!stream_is_held(connection->stream))
            return connection;
    }
    return NULL;
}

/* Whether the tenant may have one more connection, if need be in place of an idle one. */
static bool has_room(struct frontend_tenant *tenant)
{
    bool is_short = !tenant_memory_admits(tenant);

    if (oldest_idle(tenant) || (!is_short && !is_at_limit(tenant)))
        return true;
    if (is_short)
        tenant_memory_is_full(tenant);
    listeners_tenant_is_full(tenant);
    return false;
}

/* A connection is here, and not taken by another worker: the oldest idle one goes for it. */
static void make_room(struct frontend_tenant *tenant)
{
    struct connection *oldest = oldest_idle(tenant);

    if (oldest && is_at_limit(tenant))
        connection_close(oldest, CLOSE_MAX_CONNECTIONS);
    else if (oldest && !tenant_memory_admits(tenant))
        connection_close(oldest, CLOSE_MAX_MEMORY);
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
        listeners_pause(listener_frontend(listener), strerror(error));
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
            listeners_pause(frontend, "the rest of the descriptors is for the backends");
            return;
        }
        if (!has_room(listener->tenant))
            return;
        fd = socket_accept(listener->fd, &peer);
        if (fd < 0 && !accept_failed(listener, errno))
            return;
        if (fd < 0)
            continue;
        if (!handshake_limits_admit(listener, fd, &peer))
            continue;
        make_room(listener->tenant);
        handshake_start(connection_new(listener, fd, &peer));
    }
}

static void on_turn(struct loop_task *task)
{
    accept_some(CONTAINER_OF(task, struct front_listener, turn));
}

/* Each listener accepts when it is its tenant's turn. */
static void on_listeners(struct loop_task *task)
{
    struct frontend *frontend = CONTAINER_OF(task, struct frontend, listen_watch.task);
    struct epoll_event ready[BATCH];
    int count = epoll_wait(frontend->listen_set, ready, BATCH, 0);

    for (int i = 0; i < count; i++) {
        struct front_listener *listener = ready[i].data.ptr;

        loop_ready(listener->tenant->share, &listener->turn);
    }
}

/* ---- the set ---- */

static void on_retry(struct deadline *deadline)
{
    listeners_resume(CONTAINER_OF(deadline, struct frontend, listen_retry));
}

int accept_init(struct frontend *frontend)
{
    frontend->listen_set = epoll_create1(EPOLL_CLOEXEC);
    if (frontend->listen_set < 0)
        return -1;
    deadline_init(&frontend->listen_retry, frontend->config.loop, on_retry);
    frontend->accept = on_turn;
    frontend->listen_watch.task.run = on_listeners;
    watch_start(&frontend->listen_watch, frontend->config.loop, frontend->listen_set, EPOLLIN);
    return 0;
}

void accept_free(struct frontend *frontend)
{
    deadline_stop(&frontend->listen_retry);
    watch_stop(&frontend->listen_watch);
    close(frontend->listen_set);
}
