/* SPDX-License-Identifier: MIT */
/* The event loop: libev, and what waits for the end of its turns. */
#include "io/loop.h"

#include "base/memory.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

double loop_clock(void)
{
    struct timespec now;

    /* vDSO: no system call. The clock is the one libev's timers run by. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Tasks may queue tasks and graves, and a grave may do so too. */
static void finish_turn(struct loop *loop)
{
    struct loop_task *task;

    for (;;) {
        if ((task = TAILQ_FIRST(&loop->tasks)))
            TAILQ_REMOVE(&loop->tasks, task, next);
        else if ((task = TAILQ_FIRST(&loop->graves)))
            TAILQ_REMOVE(&loop->graves, task, next);
        else
            return;
        task->queued = false;
        task->buried = false;
        task->run(task);
    }
}

static void on_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    (void)watcher;
    (void)events;
    finish_turn(ev_userdata(ev));
}

static void on_wake(struct ev_loop *ev, ev_check *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);

    (void)watcher;
    (void)events;
    loop->now = loop_clock();
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
    TAILQ_INIT(&loop->tasks);
    TAILQ_INIT(&loop->graves);
    loop->scratch = memory_alloc(LOOP_SCRATCH);
    loop->now = loop_clock();

    /* Last of what runs before the loop sleeps, first of what runs when it woke. */
    ev_prepare_init(&loop->turn, on_turn);
    ev_set_priority(&loop->turn, EV_MINPRI);
    ev_prepare_start(loop->ev, &loop->turn);
    ev_check_init(&loop->wake, on_wake);
    ev_set_priority(&loop->wake, EV_MAXPRI);
    ev_check_start(loop->ev, &loop->wake);
}

void loop_free(struct loop *loop)
{
    finish_turn(loop);
    ev_prepare_stop(loop->ev, &loop->turn);
    ev_check_stop(loop->ev, &loop->wake);
    ev_loop_destroy(loop->ev);
    loop->ev = NULL;
    chain_pool_free(&loop->buffers);
    free(loop->scratch);
    loop->scratch = NULL;
}

void loop_run(struct loop *loop)
{
    ev_run(loop->ev, 0);
    finish_turn(loop);
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->ev, EVBREAK_ALL);
}

double loop_now(const struct loop *loop)
{
    return loop->now;
}

double loop_wall(const struct loop *loop)
{
    return ev_now(loop->ev);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    task->buried = false;
    TAILQ_INSERT_TAIL(&loop->tasks, task, next);
}

void loop_bury(struct loop *loop, struct loop_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    task->buried = true;
    TAILQ_INSERT_TAIL(&loop->graves, task, next);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
    if (!task->queued)
        return;
    if (task->buried)
        TAILQ_REMOVE(&loop->graves, task, next);
    else
        TAILQ_REMOVE(&loop->tasks, task, next);
    task->queued = false;
}
