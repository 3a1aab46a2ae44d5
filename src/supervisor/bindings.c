/* SPDX-License-Identifier: MIT */
/* Listeners: bound inside tenants' namespaces, handed to workers, retried. */
#include "bindings_internal.h"

#include "lacking_internal.h"
#include "presence_internal.h"
#include "workers_internal.h"

#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Seconds. */
#define BINDINGS_RETRY 0.5  /* until a listener that could not be bound is tried again */
#define BINDINGS_SOON  0.05 /* the same while workers still let go of sockets */
#define BINDINGS_PAUSE 3.0  /* most of what lies between two rounds of trying */
#define BINDINGS_SHARE 10   /* such a pause is so many times as long as the round before it */

/* Inside the namespace: nothing here may block, log or fork. */
static int bindings_make(void *argument)
{
    struct tenant_sockets *sockets = argument;

    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        struct listener *listener = &sockets->listeners[i];
        struct socket_listen_options options = {listener->plan->backlog, listener->plan->ipv6only};

        if (listener->state == LISTENER_BOUND)
            continue;
        listener->fd = socket_listen(&listener->plan->address, &options, &listener->call);
        listener->outcome = listener->fd < 0 ? errno : 0;
        listener->is_here = presence_here(&listener->plan->address);
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
        log_write(level, "tenant %s: listening on %s in %s", record->name, listener->plan->text,
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
        listener->holders = listener->lacking = 0;
        listener->lack = 0;
        listener->error = 0;
        listener->is_awaited = false;
        listener->is_absent = !listener->is_here;
        if (listener->is_absent)
            presence_tell(record->name, record->plan.netns.text, listener);
        return true;
    }
    listener->is_awaited = bindings_may_be_ours(supervisor, listener);
    if (listener->is_awaited)
        return false;
    if (listener->state != LISTENER_DEGRADED || listener->error != listener->outcome)
        log_error("tenant %s: cannot listen on %s in %s: %s: %s", record->name,
                  listener->plan->text, record->plan.netns.text, listener->call,
                  error_reason(listener->outcome));
    listener->state = LISTENER_DEGRADED;
    listener->error = listener->outcome;
    return false;
}

/* ---- binding ---- */

static bool bindings_are_bound(const struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        if (record->sockets.listeners[i].state != LISTENER_BOUND)
            return false;
    }
    return true;
}

/* The namespace is not to be had: the reason is told, what was degraded waits too. blocked:
 * somebody must do something about it. */
static void bindings_wait(struct record *record, const char *why, bool blocked)
{
    bindings_tell_trouble(record, why);
    record->is_blocked = blocked;
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];

        listener->is_awaited = false;
        if (listener->state == LISTENER_DEGRADED)
            listener->state = LISTENER_WAITING;
    }
}

/* Two tenants in one namespace could take each other's addresses. */
static bool bindings_may_live_there(struct supervisor *supervisor, const struct record *record,
                                    struct netns_id id, char why[160])
{
    const struct resident *other =
        residents_other(&supervisor->registry.residents, id, &record->resident);

    if (!other || supervisor->settings->model.netns_shared)
        return true;
    supervisor->namespaces.is_contested = true;
    snprintf(why, 160, "tenant \"%s\" lives there, and \"netns_shared\" is off", other->name);
    return false;
}

/* Enters the tenant's namespace, if it is there, for the time of bindings_make. */
static int bindings_make_inside(struct supervisor *supervisor, struct record *record)
{
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];
    int result;
    int fd;

    verdict = namespace_open(record->netns.namespace, &fd, &id, why);
    if (verdict != NETNS_OPEN_OK) {
        bindings_wait(record, why, verdict == NETNS_OPEN_REFUSED);
        return -1;
    }
    if (record->resident.residence && !resident_is_in(&record->resident, id))
        bindings_on_gone(supervisor, record); /* between two looks */
    if (!bindings_may_live_there(supervisor, record, id, why)) {
        close(fd);
        bindings_wait(record, why, true);
        return -1;
    }
    result = netns_within(supervisor->namespaces.home, fd, bindings_make, &record->sockets);
    close(fd);
    if (result < 0) {
        snprintf(why, sizeof(why), "cannot enter it: %s", error_reason(errno));
        bindings_wait(record, why, false);
        return -1;
    }
    residents_enter(&supervisor->registry.residents, &record->resident, id);
    return 0;
}

/* One attempt at all that are not bound. Returns whether all are now. */
static bool bindings_attempt(struct supervisor *supervisor, struct record *record)
{
    bool all = true;

    if (record->plan.netns.kind == NETNS_HOST)
        bindings_make(&record->sockets);
    else if (bindings_make_inside(supervisor, record) < 0)
        return false;
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        if (record->sockets.listeners[i].state != LISTENER_BOUND)
            all = binding_settle(supervisor, record, &record->sockets.listeners[i]) && all;
    }
    free(record->netns_trouble);
    record->netns_trouble = NULL;
    record->is_blocked = false;
    return all;
}

/* A namespace that is not there is not asked for here: namespaces/namespaces.h tells of it. */
static bool bindings_want_retry(const struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        const struct listener *listener = &record->sockets.listeners[i];

        if (listener->state == LISTENER_DEGRADED || listener->is_awaited || listener->lacking)
            return true;
    }
    return false;
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
    if (!bindings_are_bound(record) && !bindings_attempt(supervisor, record) &&
        bindings_want_retry(record))
        bindings_retry(supervisor);
    workers_send(supervisor, record);
}

/* However many cannot be bound, a tenth of the time is theirs, or what BINDINGS_PAUSE leaves. */
static void bindings_retry_all(struct supervisor *supervisor)
{
    double begun = loop_clock();
    double pause;
    struct record *record;
    struct record *next;

    if (lacking_offer(supervisor))
        bindings_retry(supervisor);
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        if (bindings_want_retry(record))
            bindings_bind(supervisor, record);
    }
    pause = (loop_clock() - begun) * BINDINGS_SHARE;
    supervisor->may_bind = loop_clock() + (pause < BINDINGS_PAUSE ? pause : BINDINGS_PAUSE);
}

static void bindings_on_retry(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)events;
    ev_timer_stop(ev, timer);
    if (loop_clock() >= supervisor->may_bind)
        bindings_retry_all(supervisor);
    else
        bindings_retry(supervisor);
    workers_pump_lacking(supervisor);
    round_advance(supervisor);
}

bool bindings_are_settled(const struct supervisor *supervisor)
{
    const struct record *record;

    if (loop_now(&supervisor->loop) >= supervisor->letting_go_until)
        return true;
    for (record = supervisor->registry.records; record; record = record->hh.next) {
        for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
            if (record->sockets.listeners[i].is_awaited)
                return false;
        }
    }
    return true;
}

/* ---- life ---- */

void bindings_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->retry, bindings_on_retry, 0., 0.);
    supervisor->retry.data = supervisor;
}

void bindings_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->retry);
}
