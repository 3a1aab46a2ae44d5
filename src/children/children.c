/* SPDX-License-Identifier: MIT */
/* What is said to all children, and asked of all. */
#include "children_internal.h"

#include "children/generation.h"
#include "children/workers.h"
#include "heartbeat_internal.h"

#include "base/descriptor.h"
#include "base/log.h"

void children_reap(struct children *children)
{
    WORKERS_FOREACH (worker, children)
        child_reap(worker);
    child_reap(&children->resolver);
    child_reap(&children->observer);
}

void children_signal(struct children *children, int signal)
{
    WORKERS_FOREACH (worker, children)
        child_signal(worker, signal);
    child_signal(&children->resolver, signal);
    child_signal(&children->observer, signal);
}

void children_stop(struct children *children)
{
    children->is_ending = true;
    WORKERS_FOREACH (worker, children)
        child_stop(worker);
    child_stop(&children->resolver);
    child_stop(&children->observer);
    hold_set(&children->handover.hold, 0);
}

static bool children_others_are_running(const struct children *children)
{
    WORKERS_FOREACH (worker, children) {
        if (worker->pid > 0)
            return true;
    }
    return children->resolver.pid > 0;
}

bool children_are_running(const struct children *children)
{
    return children_others_are_running(children) || children->observer.pid > 0;
}

void children_dismiss_last(struct children *children)
{
    if (child_is_up(&children->observer) && !children_others_are_running(children))
        child_dismiss(&children->observer);
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
    children->log_fd = fd;
    children_tell_log(children, &children->resolver);
    children_tell_log(children, &children->observer);
    WORKERS_FOREACH (worker, children)
        children_tell_log(children, worker);
}

void children_close_listener(struct children *children, const struct ipc_listener_close *body,
                             uint64_t workers)
{
    WORKERS_FOREACH (worker, children) {
        bool may_hold = worker->is_former || (workers & worker_bit(worker)) != 0;

        if (may_hold && child_is_up(worker))
            ipc_send_listener_close(worker->channel, IPC_LISTENER_CLOSE, body, NULL);
    }
}

void children_leave_sockets(struct children *children, const struct ipc_sockets_stale *body)
{
    WORKERS_FOREACH (worker, children) {
        if (child_is_up(worker))
            ipc_send_sockets_stale(worker->channel, IPC_SOCKETS_STALE, body, NULL);
    }
}

/* ---- life ---- */

static void children_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct children *children = timer->data;

    (void)ev;
    (void)events;
    WORKERS_FOREACH (worker, children)
        heartbeat_beat(worker);
    heartbeat_beat(&children->resolver);
    heartbeat_beat(&children->observer);
    children->events->on_tick(children->owner);
}

void children_init(struct children *children, struct loop *loop, const char *program,
                   const struct children_singles *singles, const struct children_events *events)
{
    children->loop = loop;
    children->program = program;
    children->events = events;
    children->tally_fd = -1;
    children->authorities_fd = -1;
    child_init(&children->resolver, children, ROLE_RESOLVER, singles->resolver);
    child_init(&children->observer, children, ROLE_OBSERVER, singles->observer);
    generation_init(children);
    figures_init(&children->figures);
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
    generation_free(children);
    figures_free(&children->figures);
    child_close(&children->resolver);
    child_close(&children->observer);
    children->authorities_fd = descriptor_close(children->authorities_fd);
}

/* ---- for the next binary ---- */

#define WORKER_MIN 28 /* bytes that each takes */

static bool worker_goes_on(const struct child *worker)
{
    return worker->pid > 0 && child_is_up(worker);
}

static void worker_put(struct wire_writer *writer, const struct child *worker)
{
    wire_put_u32(writer, (uint32_t)worker->pid);
    wire_put_u32(writer, worker->index);
    wire_put_descriptor(writer, ipc_channel_descriptor(worker->channel));
    wire_put_u64(writer, worker->heartbeat.asked);
    wire_put_u64(writer, worker->heartbeat.answered);
}

void children_put(struct wire_writer *writer, const struct children *children)
{
    const struct generation *present = &children->present;
    uint32_t count = 0;

    GENERATION_FOREACH (worker, present)
        count += worker_goes_on(worker);
    wire_put_u32(writer, present->half);
    wire_put_u32(writer, children->generation);
    wire_put_u32(writer, count);
    GENERATION_FOREACH (worker, present) {
        if (worker_goes_on(worker))
            worker_put(writer, worker);
    }
}

/* kill(2) takes 0 and negative numbers for whole groups. */
static void worker_get(struct wire_reader *reader, struct worker_state *worker)
{
    worker->pid = (pid_t)wire_get_u32(reader);
    worker->index = wire_get_u32(reader);
    worker->channel = wire_get_descriptor(reader);
    worker->asked = wire_get_u64(reader);
    worker->answered = wire_get_u64(reader);
    wire_require(reader, worker->pid > 1 && worker->index < TALLY_WORKERS);
}

void children_get(struct wire_reader *reader, struct children_state *state)
{
    uint32_t count;

    *state = (struct children_state){.half = wire_get_u32(reader)};
    state->generation = wire_get_u32(reader);
    count = wire_get_count(reader, WORKER_MIN);
    wire_require(reader, state->half < TALLY_HALVES && count <= TALLY_WORKERS);
    while (state->count < count && !reader->failed) {
        struct worker_state *worker = &state->workers[state->count++];

        worker_get(reader, worker);
        wire_require(reader, state->count == 1 || worker->index > worker[-1].index);
    }
}

void children_each_descriptor(const struct children *children, void (*act)(int *fd, void *context),
                              void *context)
{
    GENERATION_FOREACH (worker, &children->present) {
        int fd = worker_goes_on(worker) ? ipc_channel_descriptor(worker->channel) : -1;

        if (fd >= 0)
            act(&fd, context);
    }
}
