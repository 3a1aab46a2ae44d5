/* SPDX-License-Identifier: MIT */
/* What is said to all children, and asked of all. */
#include "children_internal.h"

#include "children/figures.h"
#include "children/generation.h"
#include "children/workers.h"
#include "heartbeat_internal.h"

#include "base/log.h"

void children_reap(struct children *children)
{
    struct child *worker;

    for (worker = children_first(children); worker; worker = children_next(children, worker))
        child_reap(worker);
    child_reap(&children->resolver);
}

void children_signal(struct children *children, int signal)
{
    struct child *worker;

    for (worker = children_first(children); worker; worker = children_next(children, worker))
        child_signal(worker, signal);
    child_signal(&children->resolver, signal);
}

void children_stop(struct children *children)
{
    struct child *worker;

    children->is_ending = true;
    for (worker = children_first(children); worker; worker = children_next(children, worker))
        worker->is_stopping = true;
    children->resolver.is_stopping = true;
}

bool children_are_running(const struct children *children)
{
    const struct child *worker;

    for (worker = children_first(children); worker; worker = children_next(children, worker)) {
        if (worker->pid > 0)
            return true;
    }
    return children->resolver.pid > 0;
}

static void children_tell_log(const struct children *children, const struct child *child)
{
    const struct ipc_log body = {(uint32_t)log_get_level(), (uint8_t)log_sink_of(children->log_fd)};

    if (child_is_up(child))
        ipc_send_log(child->channel, IPC_LOG, &body,
                     &(struct ipc_attachments){&children->log_fd, children->log_fd >= 0, NULL});
}

void children_set_log(struct children *children, int fd)
{
    const struct child *worker;

    children->log_fd = fd;
    children_tell_log(children, &children->resolver);
    for (worker = children_first(children); worker; worker = children_next(children, worker))
        children_tell_log(children, worker);
}

void children_close_listener(struct children *children, const struct ipc_listener_close *body,
                             uint64_t workers)
{
    const struct child *worker;

    for (worker = children_first(children); worker; worker = children_next(children, worker)) {
        bool may_hold = worker->is_former || (workers & worker_bit(worker)) != 0;

        if (may_hold && child_is_up(worker))
            ipc_send_listener_close(worker->channel, IPC_LISTENER_CLOSE, body, NULL);
    }
}

void children_leave_sockets(struct children *children, const struct ipc_sockets_stale *body)
{
    const struct child *worker;

    for (worker = children_first(children); worker; worker = children_next(children, worker)) {
        if (child_is_up(worker))
            ipc_send_sockets_stale(worker->channel, IPC_SOCKETS_STALE, body, NULL);
    }
}

/* ---- life ---- */

static void children_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct children *children = timer->data;
    struct child *worker;

    (void)ev;
    (void)events;
    for (worker = children_first(children); worker; worker = children_next(children, worker))
        heartbeat_beat(worker);
    heartbeat_beat(&children->resolver);
}

void children_init(struct children *children, struct loop *loop, const char *program,
                   const struct child_events *resolver, const struct children_events *events)
{
    children->loop = loop;
    children->program = program;
    children->events = events;
    children->tally_fd = -1;
    child_init(&children->resolver, children, ROLE_RESOLVER, resolver);
    generation_init(children);
    figures_init(children);
    ev_timer_init(&children->heartbeat, children_on_tick, 1., 1.);
    children->heartbeat.data = children;
}

void children_watch(struct children *children)
{
    ev_timer_start(children->loop->ev, &children->heartbeat);
}

void children_free(struct children *children)
{
    ev_timer_stop(children->loop->ev, &children->heartbeat);
    figures_free(children);
    generation_free(children);
    child_close(&children->resolver);
}
