/* SPDX-License-Identifier: MIT */
/* Listeners that end: by a reload, with their namespace, or killed from inside it. */
#include "bindings_internal.h"

#include "workers_internal.h"

#include "io/socket.h"

#include "base/container_of.h"

#include <errno.h>
#include <unistd.h>

#define BINDINGS_LET_GO 1.0 /* seconds in which an address that we gave up may still be in use */

/* ---- telling workers ---- */

void bindings_say_close(struct supervisor *supervisor, const struct left *what, uint64_t workers,
                        uint32_t limit)
{
    const struct ipc_listener_close body = {slice_of(what->tenant), slice_of(what->text),
                                            what->id.inode, limit};
    struct child *worker;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        bool may_hold = worker->is_former || (workers & worker_bit(worker)) != 0;

        if (may_hold && child_is_up(worker))
            ipc_send_listener_close(worker->channel, IPC_LISTENER_CLOSE, &body, NULL);
    }
}

static struct left unbinding_left(const struct record *record, const struct listener *listener)
{
    return (struct left){record->name, listener->plan->text, resident_where(&record->resident)};
}

static void unbinding_drop(struct listener *listener, enum listener_state state)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    listener->holders = listener->lacking = 0;
    listener->state = state;
}

/* ---- by a reload ---- */

void bindings_close(struct supervisor *supervisor, struct record *record, const struct plan *next)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];
        const struct left what = unbinding_left(record, listener);

        if (listener->state == LISTENER_WAITING || (next && plan_find_same(next, listener->plan)))
            continue;
        if (listener->state == LISTENER_BOUND)
            supervisor->letting_go_until = loop_now(&supervisor->loop) + BINDINGS_LET_GO;
        bindings_say_close(supervisor, &what, listener->holders, leavings_limit(supervisor));
        leaving_add(supervisor, IPC_LISTENER_CLOSE, &what, &record->plan.netns);
        unbinding_drop(listener, LISTENER_WAITING);
    }
}

void bindings_leave(struct supervisor *supervisor, struct record *record)
{
    bindings_close(supervisor, record, NULL);
    if (!record->resident.residence)
        return;
    residents_leave(&supervisor->registry.residents, &record->resident);
    if (supervisor->namespaces.is_contested)
        namespaces_refresh_soon(
            &supervisor->namespaces); /* another may have waited for it to be left */
}

/* ---- with their namespace ---- */

/* All workers: one may have connections of a listener that it holds no more. */
void bindings_on_gone(struct supervisor *supervisor, struct record *record)
{
    log_notice("tenant %s: network namespace %s is gone or another one, closing its listeners",
               record->name, record->plan.netns.text);
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        const struct left what = unbinding_left(record, &record->sockets.listeners[i]);

        bindings_say_close(supervisor, &what, UINT64_MAX, LEAVING_GRACE);
        unbinding_drop(&record->sockets.listeners[i], LISTENER_WAITING);
    }
    bindings_leave(supervisor, record);
}

/* What is only degraded is tried again in its own time, however often the namespace is looked at.
 */
static bool unbinding_waits(const struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        if (record->sockets.listeners[i].state == LISTENER_WAITING)
            return true;
    }
    return false;
}

static void bindings_on_change(struct namespace_use *use)
{
    struct supervisor *supervisor = use->owner;
    struct record *record = CONTAINER_OF(use, struct record, netns);

    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    if (record->resident.residence &&
        namespace_has_left(use->namespace, resident_where(&record->resident)))
        bindings_on_gone(supervisor, record);
    if (unbinding_waits(record))
        bindings_bind(supervisor, record);
}

void bindings_take_namespace(struct supervisor *supervisor, struct record *record)
{
    record->netns = (struct namespace_use){.on_change = bindings_on_change, .owner = supervisor};
    namespace_take(&supervisor->namespaces, &record->netns, &record->plan.netns);
}

/* ---- with their interface ---- */

void bindings_look_at_zones(struct supervisor *supervisor)
{
    struct record *record;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    for (record = supervisor->registry.records; record; record = record->hh.next) {
        for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
            struct listener *listener = &record->sockets.listeners[i];
            const struct left what = unbinding_left(record, listener);

            if (listener->state != LISTENER_BOUND ||
                socket_has_zone(listener->fd, &listener->plan->address))
                continue;
            log_warn("tenant %s: the interface of the listener on %s in %s is gone or another one",
                     record->name, listener->plan->text, record->plan.netns.text);
            bindings_say_close(supervisor, &what, listener->holders, IPC_NO_LIMIT);
            unbinding_drop(listener, LISTENER_DEGRADED);
            listener->error = ENODEV; /* so that its return is told */
            bindings_retry(supervisor);
        }
    }
}

/* ---- from inside ---- */

/* A worker may speak of a socket that has been replaced since; ours tells whether it listens. */
static bool unbinding_is_alive(const struct listener *listener)
{
    socklen_t len = sizeof(int);
    int listening = 0;

    return getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
           listening != 0;
}

static void unbinding_on_dead(struct supervisor *supervisor, struct child *worker,
                              struct record *record, struct listener *listener, int error)
{
    const struct left what = unbinding_left(record, listener);

    if (unbinding_is_alive(listener)) {
        listener->holders &= ~worker_bit(worker); /* it has closed it, and needs it again */
        worker->is_lacking = true;
        return;
    }
    log_warn("tenant %s: the listener on %s in %s was closed from inside: %s", record->name,
             listener->plan->text, record->plan.netns.text, error_reason(error));
    bindings_say_close(supervisor, &what, listener->holders, IPC_NO_LIMIT);
    unbinding_drop(listener, LISTENER_DEGRADED);
    listener->error = error; /* so that its return is told */
}

void bindings_on_dead(struct supervisor *supervisor, struct child *worker, struct record *record,
                      const struct ipc_listener_dead *dead)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];

        if (!slice_equal(slice_of(listener->plan->text), dead->address) ||
            !(listener->holders & worker_bit(worker)))
            continue;
        unbinding_on_dead(supervisor, worker, record, listener, dead->error);
        /* Not at once: a tenant that keeps closing it would keep us busy. */
        bindings_retry(supervisor);
    }
}
