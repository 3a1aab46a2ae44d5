/* SPDX-License-Identifier: MIT */
/* The event loop's life, and how it waits. */
#include "io/loop.h"

#include "pending_internal.h"

#include "base/memory.h"
#include "io/watch.h"
#include "loop_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* For how long a loop that waits by itself leaves libev alone. */
#define LIBEV_SECONDS 1.0
/* ---- waiting ---- */

static void look_around(struct loop *loop)
{
    clocks_look(loop);
    deadlines_collect(loop);
}

/* libev is to wake in time for the first deadline. */
static void set_alarm(struct loop *loop)
{
    const struct heap_node *first = heap_first(&loop->timers);
    double at = first ? first->key : 0;
    double left;

    if (at == loop->alarm_at)
        return;
    loop->alarm_at = at;
    ev_timer_stop(loop->ev, &loop->alarm);
    if (!first)
        return;
    left = at - loop_clock();
    ev_now_update(loop->ev);
    ev_timer_set(&loop->alarm, left > 0 ? left : 0, 0.);
    ev_timer_start(loop->ev, &loop->alarm);
}

/* Milliseconds until the first deadline, at most those that libev is left alone. */
static int patience(const struct loop *loop)
{
    const struct heap_node *first = heap_first(&loop->timers);
    double left = LIBEV_SECONDS;

    if (loop_has_work(loop))
        return 0;
    if (first && first->key - loop->now < left)
        left = first->key - loop_clock();
    return left > 0 ? (int)(left * 1000) + 1 : 0;
}

/* Traffic is waited for, and served, until it rests or libev must be asked again. */
static void wait_by_itself(struct loop *loop)
{
    double until = loop->now + LIBEV_SECONDS;

    while (!loop->is_stopped && loop->now < until) {
        watch_fetch(loop, patience(loop));
        look_around(loop);
        loop_work(loop);
    }
}

/* libev is about to sleep. */
static void on_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);

    (void)watcher;
    (void)events;
    loop_work(loop);
    if (loop->waits_by_itself)
        wait_by_itself(loop);
    if (loop_has_work(loop))
        ev_idle_start(loop->ev, &loop->unfinished);
    else
        ev_idle_stop(loop->ev, &loop->unfinished);
    set_alarm(loop);
}

/* It only keeps the loop from sleeping. */
static void on_unfinished(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

static void on_wake(struct ev_loop *ev, ev_check *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);

    (void)watcher;
    (void)events;
    look_around(loop);
}

/* Queued deadlines run with what the sockets have. */
static void on_alarm(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct loop *loop = ev_userdata(ev);

    (void)timer;
    (void)events;
    loop->alarm_at = 0;
    loop_work(loop);
}

static void on_set(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);

    (void)watcher;
    (void)events;
    watch_fetch(loop, 0);
    loop_work(loop);
}

/* ---- life ---- */

static void watch_own_set(struct loop *loop)
{
    loop->set = epoll_create1(EPOLL_CLOEXEC);
    if (loop->set < 0)
        memory_exhausted(0);
    /* Behind libev's own watchers, whose work then is in the same turn. */
    ev_io_init(&loop->set_io, on_set, loop->set, EV_READ);
    ev_set_priority(&loop->set_io, EV_MINPRI);
    ev_io_start(loop->ev, &loop->set_io);
}

void loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof(*loop));
    signal(SIGPIPE, SIG_IGN);
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!loop->ev)
        memory_exhausted(0);
    ev_set_userdata(loop->ev, loop);
    chain_pool_init(&loop->buffers);
    loop_share_init(&loop->own, loop, SHARE_WEIGHT);
    loop->current = &loop->own;
    TAILQ_INIT(&loop->by_age);
    TAILQ_INIT(&loop->graves_by_age);
    TAILQ_INIT(&loop->others);
    loop->scratch = memory_alloc(LOOP_SCRATCH);
    clocks_look(loop);
    loop->pending = pending_new(loop);

    /* Last of what runs before the loop sleeps, first of what runs when it woke. */
    ev_prepare_init(&loop->turn, on_turn);
    ev_set_priority(&loop->turn, EV_MINPRI);
    ev_prepare_start(loop->ev, &loop->turn);
    ev_idle_init(&loop->unfinished, on_unfinished);
    ev_check_init(&loop->wake, on_wake);
    ev_set_priority(&loop->wake, EV_MAXPRI);
    ev_check_start(loop->ev, &loop->wake);
    ev_timer_init(&loop->alarm, on_alarm, 0., 0.);
    ev_set_priority(&loop->alarm, EV_MINPRI);
    watch_own_set(loop);
}

void loop_free(struct loop *loop)
{
    loop_finish(loop);
    pending_free(loop->pending);
    ev_prepare_stop(loop->ev, &loop->turn);
    ev_idle_stop(loop->ev, &loop->unfinished);
    ev_check_stop(loop->ev, &loop->wake);
    ev_timer_stop(loop->ev, &loop->alarm);
    ev_io_stop(loop->ev, &loop->set_io);
    close(loop->set);
    ev_loop_destroy(loop->ev);
    loop->ev = NULL;
    chain_pool_free(&loop->buffers);
    free(loop->scratch);
    loop->scratch = NULL;
}

void loop_run(struct loop *loop)
{
    loop->is_stopped = false;
    ev_run(loop->ev, 0);
    loop_finish(loop);
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
    ev_break(loop->ev, EVBREAK_ALL);
}

void loop_wait_by_itself(struct loop *loop)
{
    loop->waits_by_itself = true;
}

void loop_tell_work(struct loop *loop, void (*on_worked)(void *owner, double seconds), void *owner)
{
    loop->on_worked = on_worked;
    loop->work_owner = owner;
}
