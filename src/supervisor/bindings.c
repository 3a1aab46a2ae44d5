/* SPDX-License-Identifier: MIT */
/* Listeners: the only code that acts inside tenants' namespaces. */
#include "bindings_internal.h"

#include "workers_internal.h"

#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BINDINGS_RETRY 0.5 /* seconds: a namespace that appears is bound within one second */

/* Said by the kernel's strerror, without its brackets. */
static const char *bindings_reason(int error)
{
    const char *text = strerrordesc_np(error);

    return text ? text : "unknown error";
}

/* Inside the namespace: nothing here may block, log or fork. */
static int bindings_make(void *argument)
{
    struct plan *plan = argument;

    for (uint32_t i = 0; i < plan->listener_count; i++) {
        struct listener *listener = &plan->listeners[i];
        struct socket_listen_options options = {listener->backlog, listener->ipv6only};

        if (listener->state == LISTENER_BOUND)
            continue;
        listener->fd = socket_listen(&listener->address, &options, &listener->call);
        listener->outcome = listener->fd < 0 ? errno : 0;
    }
    return 0;
}

/* ---- what is told ---- */

static void bindings_tell_trouble(struct record *record, const char *why)
{
    if (record->netns_trouble && strcmp(record->netns_trouble, why) == 0)
        return;
    free(record->netns_trouble);
    record->netns_trouble = memory_text(why);
    log_notice("tenant %s: waiting for network namespace %s: %s", record->name,
               record->plan.netns.text, why);
}

static void binding_tell_bound(const struct record *record, const struct listener *listener,
                               bool was_troubled)
{
    enum log_level level = was_troubled ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO;

    if (log_is_enabled(level))
        log_write(level, "tenant %s: listening on %s in %s", record->name, listener->text,
                  record->plan.netns.text);
}

/* Takes the outcome of an attempt. */
static bool binding_settle(const struct record *record, struct listener *listener)
{
    if (listener->fd >= 0) {
        binding_tell_bound(record, listener, listener->error != 0 || record->netns_trouble);
        listener->state = LISTENER_BOUND;
        listener->holders = 0;
        listener->error = 0;
        return true;
    }
    if (listener->state != LISTENER_DEGRADED || listener->error != listener->outcome)
        log_error("tenant %s: cannot listen on %s in %s: %s: %s", record->name, listener->text,
                  record->plan.netns.text, listener->call, bindings_reason(listener->outcome));
    listener->state = LISTENER_DEGRADED;
    listener->error = listener->outcome;
    return false;
}

/* ---- binding ---- */

static bool bindings_are_bound(const struct record *record)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        if (record->plan.listeners[i].state != LISTENER_BOUND)
            return false;
    }
    return true;
}

static bool bindings_have_socket(const struct record *record)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        if (record->plan.listeners[i].state == LISTENER_BOUND)
            return true;
    }
    return false;
}

/* The namespace is not to be had: the reason is told, what was degraded waits too. */
static void bindings_wait(struct record *record, const char *why)
{
    bindings_tell_trouble(record, why);
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        struct listener *listener = &record->plan.listeners[i];

        if (listener->state == LISTENER_DEGRADED)
            listener->state = LISTENER_WAITING;
    }
}

/* Enters the tenant's namespace, if it is there, for the time of bindings_make. */
static int bindings_make_inside(struct supervisor *supervisor, struct record *record)
{
    struct netns_id id;
    char why[160];
    int result;
    int fd;

    if (netns_open(supervisor->home, record->plan.netns.path, false, &fd, &id, why) !=
        NETNS_OPEN_OK) {
        bindings_wait(record, why);
        return -1;
    }
    /* Sockets that we hold keep their namespace, so that another identity is another namespace
     * under the same name: all belong into that one now. */
    if (bindings_have_socket(record) && !netns_id_equal(id, record->netns_id))
        bindings_close(supervisor, record);
    record->netns_id = id;
    result = netns_within(supervisor->home, fd, bindings_make, &record->plan);
    close(fd);
    if (result == 0)
        return 0;
    snprintf(why, sizeof(why), "cannot enter it: %s", bindings_reason(errno));
    bindings_wait(record, why);
    return -1;
}

/* One attempt at all that are not bound. Returns whether all are now. */
static bool bindings_attempt(struct supervisor *supervisor, struct record *record)
{
    bool all = true;

    if (record->plan.netns.kind == NETNS_HOST)
        bindings_make(&record->plan);
    else if (bindings_make_inside(supervisor, record) < 0)
        return false;
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        if (record->plan.listeners[i].state != LISTENER_BOUND)
            all = binding_settle(record, &record->plan.listeners[i]) && all;
    }
    free(record->netns_trouble);
    record->netns_trouble = NULL;
    return all;
}

void bindings_bind(struct supervisor *supervisor, struct record *record)
{
    if (!bindings_are_bound(record) && !bindings_attempt(supervisor, record) &&
        !ev_is_active(&supervisor->retry))
        ev_timer_again(supervisor->loop.ev, &supervisor->retry);
    workers_send(supervisor, record);
}

static void bindings_on_retry(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    struct record *record;
    struct record *next;

    (void)events;
    ev_timer_stop(ev, timer);
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        if (record_is_in_force(record) && !bindings_are_bound(record))
            bindings_bind(supervisor, record);
    }
}

/* ---- closing ---- */

void binding_close(struct supervisor *supervisor, struct record *record, struct listener *listener)
{
    struct wire_writer body;

    if (listener->state != LISTENER_BOUND)
        return;
    wire_writer_init(&body);
    wire_put_slice(&body, slice_of(record->name));
    wire_put_slice(&body, slice_of(listener->text));
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct child *worker = &supervisor->workers[i];

        if ((listener->holders & worker_bit(worker)) && child_is_up(worker))
            ipc_send(worker->channel, IPC_LISTENER_CLOSE, &body, NULL, 0, NULL);
    }
    wire_writer_free(&body);
    close(listener->fd);
    listener->fd = -1;
    listener->holders = 0;
    listener->state = LISTENER_WAITING;
}

void bindings_close(struct supervisor *supervisor, struct record *record)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++)
        binding_close(supervisor, record, &record->plan.listeners[i]);
}

/* A worker may speak of a socket that has been replaced since; ours tells whether it listens. */
static bool binding_is_alive(const struct listener *listener)
{
    socklen_t len = sizeof(int);
    int listening = 0;

    return getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
           listening != 0;
}

void bindings_on_dead(struct supervisor *supervisor, struct record *record, struct slice address,
                      int error)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        struct listener *listener = &record->plan.listeners[i];

        if (!slice_equal(slice_of(listener->text), address) || listener->state != LISTENER_BOUND ||
            binding_is_alive(listener))
            continue;
        log_warn("tenant %s: the listener on %s in %s was closed from inside: %s", record->name,
                 listener->text, record->plan.netns.text, bindings_reason(error));
        binding_close(supervisor, record, listener);
        listener->error = error; /* so that its return is told */
        /* Not at once: a tenant that keeps closing it would keep us busy. */
        if (!ev_is_active(&supervisor->retry))
            ev_timer_again(supervisor->loop.ev, &supervisor->retry);
    }
}

void bindings_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->retry, bindings_on_retry, 0., BINDINGS_RETRY);
    supervisor->retry.data = supervisor;
}

void bindings_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->retry);
}
