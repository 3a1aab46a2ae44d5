/* SPDX-License-Identifier: MIT */
/* Looking where namespaces are: led by events, slowed by what it costs, backed by a slow timer. */
#include "namespaces_internal.h"

#include "bindings_internal.h"

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
    struct namespaces *namespaces = &namespace->supervisor->namespaces;
    bool may_hold = namespaces->held < namespaces->held_max;

    if (netns_process_find(&namespace->process, namespace->pid, may_hold) < 0 ||
        namespace->process.fd < 0)
        return;
    ev_io_set(&namespace->end, namespace->process.fd, EV_READ);
    ev_io_start(namespace->supervisor->loop.ev, &namespace->end);
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

void namespace_look(struct namespace *namespace, bool is_told)
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
        namespace_tell(namespace);
}

static double look_pause(double took)
{
    double pause = took * LOOK_SHARE;

    if (pause > LOOK_PAUSE_MAX)
        return LOOK_PAUSE_MAX;
    return pause > LOOK_PAUSE ? pause : LOOK_PAUSE;
}

void namespaces_look(struct supervisor *supervisor, bool all)
{
    struct namespaces *namespaces = &supervisor->namespaces;
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
            namespace_look(namespace, all);
    }
    done = loop_clock();
    namespaces->may_look = done + look_pause(done - begun);
}

/* ---- when to look ---- */

/* Events that come in the pause wait in the kernel for its end. */
static void look_later(struct supervisor *supervisor, double seconds)
{
    struct namespaces *namespaces = &supervisor->namespaces;

    ev_io_stop(supervisor->loop.ev, &namespaces->event);
    if (ev_is_active(&namespaces->look))
        return;
    ev_timer_set(&namespaces->look, seconds, 0.);
    ev_timer_start(supervisor->loop.ev, &namespaces->look);
}

static void namespaces_on_event(struct ev_loop *ev, ev_io *event, int events)
{
    struct supervisor *supervisor = event->data;
    double left = supervisor->namespaces.may_look - loop_clock();

    (void)ev;
    (void)events;
    if (left > 0)
        look_later(supervisor, left);
    else
        namespaces_look(supervisor, false);
}

static void namespaces_on_look(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)events;
    ev_timer_stop(ev, timer);
    if (supervisor->namespaces.watch)
        ev_io_start(ev, &supervisor->namespaces.event);
    namespaces_look(supervisor, supervisor->namespaces.is_all_wanted);
}

static void namespaces_on_backstop(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    namespaces_look(timer->data, true);
    bindings_look_at_zones(timer->data);
}

void namespaces_look_soon(struct supervisor *supervisor)
{
    double left = supervisor->namespaces.may_look - loop_clock();

    supervisor->namespaces.is_all_wanted = true;
    look_later(supervisor, left > LOOK_PAUSE ? left : LOOK_PAUSE);
}

/* Whether events wait to be looked into, here or in the kernel. */
static bool look_is_due(const struct supervisor *supervisor)
{
    const struct namespaces *namespaces = &supervisor->namespaces;
    struct pollfd news = {.events = POLLIN};

    if (!namespaces->watch || ev_is_active(&namespaces->look))
        return true;
    news.fd = netns_watch_fd(namespaces->watch);
    return poll(&news, 1, 0) > 0;
}

void namespaces_renew(struct supervisor *supervisor)
{
    struct namespace *namespace;
    struct namespace *next;

    HASH_ITER (hh, supervisor->namespaces.all, namespace, next) {
        if (namespace->kind == NETNS_PID && namespace->pid == 0)
            namespace_set_process(namespace, namespace->named, NULL);
    }
    if (supervisor->namespaces.is_contested)
        namespaces_look_soon(supervisor); /* "netns_shared" may be on now */
    if (look_is_due(supervisor))          /* what has come before the reload is there after it */
        namespaces_look(supervisor, false);
}

/* ---- life ---- */

void namespaces_init(struct supervisor *supervisor)
{
    struct namespaces *namespaces = &supervisor->namespaces;

    ev_init(&namespaces->event, namespaces_on_event);
    ev_init(&namespaces->look, namespaces_on_look);
    ev_timer_init(&namespaces->backstop, namespaces_on_backstop, LOOK_BACKSTOP, LOOK_BACKSTOP);
    namespaces->event.data = supervisor;
    namespaces->look.data = supervisor;
    namespaces->backstop.data = supervisor;
}

void namespaces_start(struct supervisor *supervisor)
{
    struct namespaces *namespaces = &supervisor->namespaces;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        namespaces->held_max = (unsigned)(limit.rlim_cur / HELD_SHARE);
    ev_timer_start(supervisor->loop.ev, &namespaces->backstop);
    namespaces->watch = netns_watch_new();
    if (!namespaces->watch) {
        log_warn("namespaces that come and go are noticed late: %s", strerror(errno));
        return;
    }
    ev_io_set(&namespaces->event, netns_watch_fd(namespaces->watch), EV_READ);
    ev_io_start(supervisor->loop.ev, &namespaces->event);
}

void namespaces_stop(struct supervisor *supervisor)
{
    struct namespaces *namespaces = &supervisor->namespaces;

    ev_io_stop(supervisor->loop.ev, &namespaces->event);
    ev_timer_stop(supervisor->loop.ev, &namespaces->look);
    ev_timer_stop(supervisor->loop.ev, &namespaces->backstop);
    netns_watch_free(namespaces->watch);
    namespaces->watch = NULL;
}
