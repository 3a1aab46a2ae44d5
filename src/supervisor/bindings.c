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

/* Seconds. */
#define BINDINGS_RETRY   0.5  /* a namespace that appears is bound within one second */
#define BINDINGS_SOON    0.05 /* the same while workers still let go of sockets */
#define BINDINGS_LET_GO  1.0  /* in which an address that we gave up may still be in use */
#define BINDINGS_RECHECK 1.0  /* a namespace that goes is noticed within two seconds */

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

/* A socket that we have closed listens until the last worker has closed it too, and whoever wants
 * the address next finds it in use. */
static bool bindings_may_be_ours(const struct supervisor *supervisor,
                                 const struct listener *listener)
{
    return listener->outcome == EADDRINUSE &&
           loop_now(&supervisor->loop) < supervisor->letting_go_until;
}

/* Takes the outcome of an attempt. */
static bool binding_settle(const struct supervisor *supervisor, const struct record *record,
                           struct listener *listener)
{
    if (listener->fd >= 0) {
        binding_tell_bound(record, listener, listener->error != 0 || record->netns_trouble);
        listener->state = LISTENER_BOUND;
        listener->holders = 0;
        listener->error = 0;
        listener->is_awaited = false;
        return true;
    }
    listener->is_awaited = bindings_may_be_ours(supervisor, listener);
    if (listener->is_awaited)
        return false;
    if (listener->state != LISTENER_DEGRADED || listener->error != listener->outcome)
        log_error("tenant %s: cannot listen on %s in %s: %s: %s", record->name, listener->text,
                  record->plan.netns.text, listener->call, error_reason(listener->outcome));
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

        listener->is_awaited = false;
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

    if (netns_open(supervisor->home, record->plan.netns.path, &fd, &id, why) != NETNS_OPEN_OK) {
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
    snprintf(why, sizeof(why), "cannot enter it: %s", error_reason(errno));
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
            all = binding_settle(supervisor, record, &record->plan.listeners[i]) && all;
    }
    free(record->netns_trouble);
    record->netns_trouble = NULL;
    return all;
}

void bindings_retry(struct supervisor *supervisor)
{
    bool is_soon = loop_now(&supervisor->loop) < supervisor->letting_go_until;

    if (ev_is_active(&supervisor->retry) || supervisor->state != SUPERVISOR_RUNNING)
        return;
    ev_timer_set(&supervisor->retry, is_soon ? BINDINGS_SOON : BINDINGS_RETRY, 0.);
    ev_timer_start(supervisor->loop.ev, &supervisor->retry);
}

void bindings_bind(struct supervisor *supervisor, struct record *record)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    if (!bindings_are_bound(record) && !bindings_attempt(supervisor, record))
        bindings_retry(supervisor);
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
    workers_pump_lacking(supervisor);
    round_advance(supervisor);
}

bool bindings_are_settled(const struct supervisor *supervisor)
{
    const struct record *record;

    if (loop_now(&supervisor->loop) >= supervisor->letting_go_until)
        return true;
    for (record = supervisor->registry.records; record; record = record->hh.next) {
        for (uint32_t i = 0; i < record->plan.listener_count; i++) {
            if (record->plan.listeners[i].is_awaited)
                return false;
        }
    }
    return true;
}

/* ---- namespaces that go ---- */

static void binding_recheck(struct supervisor *supervisor, struct record *record)
{
    if (!record_is_in_force(record) || record->plan.netns.kind == NETNS_HOST ||
        !bindings_have_socket(record) || !netns_has_left(record->plan.netns.path, record->netns_id))
        return;
    log_notice("tenant %s: network namespace %s is gone or another one, closing its listeners",
               record->name, record->plan.netns.text);
    bindings_close(supervisor, record);
    bindings_bind(supervisor, record);
}

void bindings_recheck(struct supervisor *supervisor)
{
    struct record *record;
    struct record *next;

    HASH_ITER (hh, supervisor->registry.records, record, next)
        binding_recheck(supervisor, record);
}

static void bindings_on_recheck(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    bindings_recheck(timer->data);
}

/* ---- closing ---- */

void binding_close(struct supervisor *supervisor, struct record *record, struct listener *listener)
{
    struct wire_writer body;
    struct child *worker;

    if (listener->state != LISTENER_BOUND)
        return;
    wire_writer_init(&body);
    wire_put_slice(&body, slice_of(record->name));
    wire_put_slice(&body, slice_of(listener->text));
    wire_put_u32(&body, UINT32_MAX);
    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        bool may_hold = worker->is_former || (listener->holders & worker_bit(worker)) != 0;

        if (may_hold && child_is_up(worker))
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
    if (bindings_have_socket(record))
        supervisor->letting_go_until = loop_now(&supervisor->loop) + BINDINGS_LET_GO;
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

void bindings_on_dead(struct supervisor *supervisor, struct child *worker, struct record *record,
                      const struct dead_listener *dead)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        struct listener *listener = &record->plan.listeners[i];

        if (!slice_equal(slice_of(listener->text), dead->address) ||
            !(listener->holders & worker_bit(worker)))
            continue;
        if (binding_is_alive(listener)) {
            listener->holders &= ~worker_bit(worker); /* it has closed it, and needs it again */
            worker->is_lacking = true;
        } else {
            log_warn("tenant %s: the listener on %s in %s was closed from inside: %s", record->name,
                     listener->text, record->plan.netns.text, error_reason(dead->error));
            binding_close(supervisor, record, listener);
            listener->error = dead->error; /* so that its return is told */
        }
        /* Not at once: a tenant that keeps closing it would keep us busy. */
        bindings_retry(supervisor);
    }
}

void bindings_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->retry, bindings_on_retry, 0., 0.);
    ev_timer_init(&supervisor->recheck, bindings_on_recheck, BINDINGS_RECHECK, BINDINGS_RECHECK);
    supervisor->retry.data = supervisor;
    supervisor->recheck.data = supervisor;
}

void bindings_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->retry);
    ev_timer_stop(supervisor->loop.ev, &supervisor->recheck);
}
