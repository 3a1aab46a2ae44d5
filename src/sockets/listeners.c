/* SPDX-License-Identifier: MIT */
/* Listeners: bound inside tenants' namespaces, handed to workers, retried. */
#include "sockets_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Seconds. */
#define LISTENERS_RETRY 0.5  /* until a listener that could not be bound is tried again */
#define LISTENERS_SOON  0.05 /* the same while workers still let go of sockets */
#define LISTENERS_PAUSE 3.0  /* most of what lies between trying all and trying all again */
#define LISTENERS_SHARE 10   /* such a pause is so many times as long as the trying before it */

/* Inside the namespace: nothing here may block, log or fork. */
static int listeners_make(void *argument)
{
    struct tenant_sockets *tenant = argument;

    LISTENERS_FOREACH (listener, tenant) {
        struct socket_listen_options options = {listener->plan->backlog, listener->plan->ipv6only};

        if (listener->state == LISTENER_BOUND)
            continue;
        listener->fd = socket_listen(&listener->plan->address, &options, &listener->call);
        listener->outcome = listener->fd < 0 ? errno : 0;
        listener->is_here = address_is_present(&listener->plan->address);
    }
    return 0;
}

/* ---- what is told ---- */

static void listeners_tell_trouble(struct tenant_sockets *tenant, const char *why)
{
    if (tenant->trouble && strcmp(tenant->trouble, why) == 0)
        return;
    free(tenant->trouble);
    tenant->trouble = memory_text(why);
    log_notice("tenant %s: waiting for network namespace %s: %s", tenant->name,
               tenant->plan->netns.text, why);
}

static void listener_tell_bound(const struct tenant_sockets *tenant,
                                const struct listener *listener, bool was_troubled)
{
    enum log_level level = was_troubled ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO;

    if (log_is_enabled(level))
        log_write(level, "tenant %s: listening on %s in %s", tenant->name, listener->plan->text,
                  tenant->plan->netns.text);
}

/* A socket that we have closed listens until the last worker has closed it too, and whoever wants
 * the address next finds it in use. */
static bool listeners_may_be_ours(const struct sockets *sockets, const struct listener *listener)
{
    return listener->outcome == EADDRINUSE && loop_now(sockets_loop(sockets)) < sockets->held_until;
}

/* Takes the outcome of an attempt. */
static bool listener_settle(struct sockets *sockets, const struct tenant_sockets *tenant,
                            struct listener *listener)
{
    if (listener->fd >= 0) {
        listener_tell_bound(tenant, listener, listener->error != 0 || tenant->trouble);
        listener->state = LISTENER_BOUND;
        listener->holders = listener->lacking = 0;
        listener->lack = 0;
        listener->error = 0;
        listener->is_awaited = false;
        listener->is_absent = !listener->is_here;
        if (listener->is_absent)
            address_tell(tenant, listener);
        return true;
    }
    listener->is_awaited = listeners_may_be_ours(sockets, listener);
    if (listener->is_awaited) {
        hold_set(&sockets->hold, PENDING_RELOAD | PENDING_UPGRADE);
        return false;
    }
    if (listener->state != LISTENER_DEGRADED || listener->error != listener->outcome)
        log_error("tenant %s: cannot listen on %s in %s: %s: %s", tenant->name,
                  listener->plan->text, tenant->plan->netns.text, listener->call,
                  error_reason(listener->outcome));
    listener->state = LISTENER_DEGRADED;
    listener->error = listener->outcome;
    return false;
}

/* ---- binding ---- */

static bool listeners_are_bound(const struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state != LISTENER_BOUND)
            return false;
    }
    return true;
}

/* The namespace is not to be had: the reason is told, what was degraded waits too. blocked:
 * somebody must do something about it. */
static void listeners_wait(struct tenant_sockets *tenant, const char *why, bool blocked)
{
    listeners_tell_trouble(tenant, why);
    tenant->is_blocked = blocked;
    LISTENERS_FOREACH (listener, tenant) {
        listener->is_awaited = false;
        if (listener->state == LISTENER_DEGRADED)
            listener->state = LISTENER_WAITING;
    }
}

/* Two tenants in one namespace could take each other's addresses. */
static bool listeners_may_live_there(struct sockets *sockets, const struct tenant_sockets *tenant,
                                     struct netns_id id, char why[160])
{
    const struct resident *other = residents_other(sockets->residents, id, &tenant->resident);

    if (!other || sockets->is_shared)
        return true;
    namespaces_on_contest(sockets->namespaces);
    snprintf(why, 160, "tenant \"%s\" lives there, and \"netns_shared\" is off", other->name);
    return false;
}

/* Enters the tenant's namespace, if it is there, for the time of listeners_make. */
static int listeners_make_inside(struct sockets *sockets, struct tenant_sockets *tenant)
{
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];
    int result;
    int fd;

    verdict = namespace_open(tenant->netns.namespace, &fd, &id, why);
    if (verdict != NETNS_OPEN_OK) {
        listeners_wait(tenant, why, verdict == NETNS_OPEN_REFUSED);
        return -1;
    }
    if (tenant->resident.residence && !resident_is_in(&tenant->resident, id))
        listeners_on_gone(sockets, tenant); /* between two looks */
    if (!listeners_may_live_there(sockets, tenant, id, why)) {
        close(fd);
        listeners_wait(tenant, why, true);
        return -1;
    }
    result = netns_within(sockets->namespaces->home, fd, listeners_make, tenant);
    close(fd);
    if (result < 0) {
        snprintf(why, sizeof(why), "cannot enter it: %s", error_reason(errno));
        listeners_wait(tenant, why, false);
        return -1;
    }
    residents_enter(sockets->residents, &tenant->resident, id);
    return 0;
}

/* One attempt at all that are not bound. Returns whether all are now. */
static bool listeners_attempt(struct sockets *sockets, struct tenant_sockets *tenant)
{
    bool all = true;

    if (tenant->plan->netns.kind == NETNS_HOST)
        listeners_make(tenant);
    else if (listeners_make_inside(sockets, tenant) < 0)
        return false;
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state != LISTENER_BOUND)
            all = listener_settle(sockets, tenant, listener) && all;
    }
    free(tenant->trouble);
    tenant->trouble = NULL;
    tenant->is_blocked = false;
    return all;
}

/* A namespace that is not there is not asked for here: namespaces/namespaces.h tells of it. */
static bool listeners_want_retry(const struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state == LISTENER_DEGRADED || listener->is_awaited || listener->lacking)
            return true;
    }
    return false;
}

void sockets_retry(struct sockets *sockets)
{
    bool is_soon = loop_now(sockets_loop(sockets)) < sockets->held_until;

    if (deadline_is_set(&sockets->retry) || sockets->is_stopped)
        return;
    deadline_set(&sockets->retry, is_soon ? LISTENERS_SOON : LISTENERS_RETRY);
}

void sockets_bind(struct sockets *sockets, struct tenant_sockets *tenant)
{
    if (sockets->is_stopped)
        return;
    if (!listeners_are_bound(tenant) && !listeners_attempt(sockets, tenant) &&
        listeners_want_retry(tenant))
        sockets_retry(sockets);
    sockets->events->on_bound(sockets->owner, tenant);
}

/* However many cannot be bound, a tenth of the time is theirs, or what LISTENERS_PAUSE leaves. */
static void listeners_retry_all(struct sockets *sockets)
{
    double begun = loop_clock();
    double pause;
    struct tenant_sockets *tenant;
    struct tenant_sockets *next;

    if (offers_make(sockets))
        sockets_retry(sockets);
    for (tenant = TAILQ_FIRST(&sockets->tenants); tenant; tenant = next) {
        next = TAILQ_NEXT(tenant, next);
        if (listeners_want_retry(tenant))
            sockets_bind(sockets, tenant);
    }
    pause = (loop_clock() - begun) * LISTENERS_SHARE;
    sockets->may_bind = loop_clock() + (pause < LISTENERS_PAUSE ? pause : LISTENERS_PAUSE);
}

static bool listeners_are_awaited(const struct sockets *sockets)
{
    const struct tenant_sockets *tenant;

    TAILQ_FOREACH (tenant, &sockets->tenants, next) {
        LISTENERS_FOREACH (listener, tenant) {
            if (listener->is_awaited)
                return true;
        }
    }
    return false;
}

static void listeners_on_retry(struct deadline *retry)
{
    struct sockets *sockets = CONTAINER_OF(retry, struct sockets, retry);

    if (loop_clock() >= sockets->may_bind)
        listeners_retry_all(sockets);
    else
        sockets_retry(sockets);
    if (loop_now(sockets_loop(sockets)) >= sockets->held_until || !listeners_are_awaited(sockets))
        hold_set(&sockets->hold, 0);
    sockets->events->on_retried(sockets->owner);
}

static void listeners_describe(const struct hold *hold, char text[PENDING_TEXT])
{
    (void)hold;
    snprintf(text, PENDING_TEXT, "addresses that workers have yet to let go of");
}

void listeners_init_retry(struct sockets *sockets)
{
    deadline_init(&sockets->retry, sockets_loop(sockets), listeners_on_retry);
    hold_init(&sockets->hold, sockets_loop(sockets), listeners_describe);
}

/* ---- when its namespace changes ---- */

/* What is only degraded is tried again in its own time, however often the namespace is looked at.
 */
static bool listeners_wait_for_namespace(const struct tenant_sockets *tenant)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state == LISTENER_WAITING)
            return true;
    }
    return false;
}

/* What is bound in another namespace is gone, what is not bound is bound. */
static void listeners_on_change(struct namespace_use *use)
{
    struct tenant_sockets *tenant = use->owner;
    struct sockets *sockets = tenant->sockets;

    if (sockets->is_stopped)
        return;
    if (tenant->resident.residence &&
        namespace_has_left(use->namespace, resident_where(&tenant->resident)))
        listeners_on_gone(sockets, tenant);
    if (listeners_wait_for_namespace(tenant))
        sockets_bind(sockets, tenant);
}

void listeners_take_namespace(struct tenant_sockets *tenant)
{
    tenant->netns = (struct namespace_use){.on_change = listeners_on_change, .owner = tenant};
    namespace_take(tenant->sockets->namespaces, &tenant->netns, &tenant->plan->netns);
}
