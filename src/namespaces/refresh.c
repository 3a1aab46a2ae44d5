/* SPDX-License-Identifier: MIT */
/* Looking again where names lead: led by events, slowed by what it costs, backed by a slow timer.
 */
#include "namespaces_internal.h"

#include "base/container_of.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

/* Seconds. */
#define LOOK_PAUSE     0.01 /* between looks, at least */
#define LOOK_PAUSE_MAX 0.5  /* and at most: what appears is bound within one second */
#define LOOK_SHARE     10   /* a pause is so many times as long as the look before it */
#define LOOK_BACKSTOP  2.0

#define HELD_SHARE 4 /* of the descriptors, a process in so many may be followed by one */

/* ---- processes ---- */

static void namespace_lose_process(struct namespace *namespace)
{
    namespace_set_process(namespace, 0, "its process has ended");
}

void namespace_on_end(struct ev_loop *ev, ev_io *end, int events)
{
    (void)ev;
    (void)events;
    namespace_lose_process(end->data);
}

static void namespace_find_process(struct namespace *namespace)
{
    struct namespaces *namespaces = namespace->namespaces;
    bool may_hold = namespaces->held < namespaces->held_max;

    if (netns_process_find(&namespace->process, namespace->pid, may_hold) < 0 ||
        namespace->process.fd < 0)
        return;
    ev_io_set(&namespace->end, namespace->process.fd, EV_READ);
    ev_io_start(namespaces->loop->ev, &namespace->end);
    namespaces->held++;
}

/* ---- one look ---- */

/* Returns 0, or -1 when it cannot be told. */
static int namespace_look_at(struct namespace *namespace, struct netns_id *id)
{
    *id = (struct netns_id){0};
    if (namespace->path)
        return netns_look(namespace->path, id);
    if (namespace->pid > 0 && namespace->process.pid == 0)
        namespace_find_process(namespace);
    return namespace->process.pid > 0 ? netns_process_look(&namespace->process, id) : 0;
}

static void namespace_tell_users(const struct namespace *namespace)
{
    struct namespace_use *use;

    LIST_FOREACH (use, &namespace->uses, next)
        use->on_change(use);
}

void namespace_refresh(struct namespace *namespace, bool is_told)
{
    struct netns_id id;

    if (namespace->process.pid > 0 && !netns_process_lives(&namespace->process)) {
        namespace_lose_process(namespace); /* which looks again */
        return;
    }
    if (namespace_look_at(namespace, &id) < 0)
        id = namespace->seen;
    if (!netns_id_equal(namespace->seen, id))
        is_told = true;
    namespace->seen = id;
    if (is_told)
        namespace_tell_users(namespace);
}

static double look_pause(double took)
{
    double pause = took * LOOK_SHARE;

    if (pause > LOOK_PAUSE_MAX)
        return LOOK_PAUSE_MAX;
    return pause > LOOK_PAUSE ? pause : LOOK_PAUSE;
}

void namespaces_refresh(struct namespaces *namespaces, bool all)
{
    double begun = loop_clock();
    struct namespace *namespace;
    struct namespace *next;
    double done;

    if (all)
        namespaces->is_all_wanted = namespaces->is_contested = false;
    if (namespaces->watch)
        netns_watch_take(namespaces->watch);
    HASH_ITER (hh, namespaces->all, namespace, next) {
        if (all || namespace->path)
            namespace_refresh(namespace, all);
    }
    done = loop_clock();
    namespaces->may_look = done + look_pause(done - begun);
}

/* ---- when to look ---- */

/* Events that come in the pause wait in the kernel for its end. */
static void look_later(struct namespaces *namespaces, double seconds)
{
    ev_io_stop(namespaces->loop->ev, &namespaces->event);
    if (deadline_is_set(&namespaces->later))
        return;
    deadline_set(&namespaces->later, seconds);
}

static void namespaces_on_event(struct ev_loop *ev, ev_io *event, int events)
{
    struct namespaces *namespaces = event->data;
    double left = namespaces->may_look - loop_clock();

    (void)ev;
    (void)events;
    if (left > 0)
        look_later(namespaces, left);
    else
        namespaces_refresh(namespaces, false);
}

static void namespaces_on_later(struct deadline *later)
{
    struct namespaces *namespaces = CONTAINER_OF(later, struct namespaces, later);

    if (namespaces->watch)
        ev_io_start(namespaces->loop->ev, &namespaces->event);
    namespaces_refresh(namespaces, namespaces->is_all_wanted);
}

static void namespaces_on_backstop(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct namespaces *namespaces = timer->data;

    (void)ev;
    (void)events;
    namespaces_refresh(namespaces, true);
    namespaces->events->on_backstop(namespaces->owner);
}

void namespaces_refresh_soon(struct namespaces *namespaces)
{
    double left = namespaces->may_look - loop_clock();

    namespaces->is_all_wanted = true;
    look_later(namespaces, left > LOOK_PAUSE ? left : LOOK_PAUSE);
}

/* Whether events wait to be looked into, here or in the kernel. */
static bool look_is_due(const struct namespaces *namespaces)
{
    struct pollfd news = {.events = POLLIN};

    if (!namespaces->watch || deadline_is_set(&namespaces->later))
        return true;
    news.fd = netns_watch_fd(namespaces->watch);
    return poll(&news, 1, 0) > 0;
}

void namespaces_on_contest(struct namespaces *namespaces)
{
    namespaces->is_contested = true;
}

void namespaces_on_left(struct namespaces *namespaces)
{
    if (namespaces->is_contested)
        namespaces_refresh_soon(namespaces);
}

void namespaces_on_reload(struct namespaces *namespaces)
{
    struct namespace *namespace;
    struct namespace *next;

    HASH_ITER (hh, namespaces->all, namespace, next) {
        if (namespace->kind == NETNS_PID && namespace->pid == 0)
            namespace_set_process(namespace, namespace->named, NULL);
    }
    namespaces_on_left(namespaces); /* "netns_shared" may be on now */
    if (look_is_due(namespaces))    /* what has come before the reload is there after it */
        namespaces_refresh(namespaces, false);
}

/* ---- life ---- */

void namespaces_init_refresh(struct namespaces *namespaces)
{
    ev_init(&namespaces->event, namespaces_on_event);
    deadline_init(&namespaces->later, namespaces->loop, namespaces_on_later);
    ev_timer_init(&namespaces->backstop, namespaces_on_backstop, LOOK_BACKSTOP, LOOK_BACKSTOP);
    namespaces->event.data = namespaces;
    namespaces->backstop.data = namespaces;
}

void namespaces_start(struct namespaces *namespaces)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        namespaces->held_max = (unsigned)(limit.rlim_cur / HELD_SHARE);
    ev_timer_start(namespaces->loop->ev, &namespaces->backstop);
    namespaces->watch = netns_watch_new();
    if (!namespaces->watch) {
        log_warn("namespaces that come and go are noticed late: %s", strerror(errno));
        return;
    }
    ev_io_set(&namespaces->event, netns_watch_fd(namespaces->watch), EV_READ);
    ev_io_start(namespaces->loop->ev, &namespaces->event);
}

void namespaces_stop(struct namespaces *namespaces)
{
    ev_io_stop(namespaces->loop->ev, &namespaces->event);
    deadline_stop(&namespaces->later);
    ev_timer_stop(namespaces->loop->ev, &namespaces->backstop);
    netns_watch_free(namespaces->watch);
    namespaces->watch = NULL;
}
