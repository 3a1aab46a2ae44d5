/* SPDX-License-Identifier: MIT */
/* The event loop: libev, and what waits for the end of its turns. */
#include "io/loop.h"

#include "pending_internal.h"

#include "base/memory.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* The budget of a turn's end: what an ordinary request asks for is done without a look at the
 * clock; what goes on and on (bulk, pipelining) has this long before epoll is asked again. */
#define TURN_FREE    16
#define TURN_SECONDS 0.0005
/* How often a task may run once the loop has ended. */
#define ROUNDS_AT_END 64

double loop_clock(void)
{
    struct timespec now;

    /* vDSO: no system call. The clock is the one libev's timers run by. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What runs next, in the order of the queue: a grave once the tasks before it are gone. */
static struct loop_task *next_work(const struct loop *loop)
{
    struct loop_task *task = TAILQ_FIRST(&loop->tasks);
    struct loop_task *grave = TAILQ_FIRST(&loop->graves);
    bool is_due = grave && (!task || (grave->serial > 0 && grave->serial < task->serial));

    return is_due ? grave : task;
}

static void run(struct loop *loop, struct loop_task *task)
{
    loop_cancel(loop, task);
    task->buried = false;
    task->run(task);
}

/* Graves of this turn stay behind all tasks that it leaves. The older ones know theirs. */
static void date_graves(struct loop *loop)
{
    struct loop_task *grave;

    TAILQ_FOREACH_REVERSE(grave, &loop->graves, loop_tasks, next)
    {
        if (grave->serial > 0)
            return;
        grave->serial = loop->serial;
    }
}

/* Tasks may queue tasks and graves, and a grave may do so too. */
static void finish_turn(struct loop *loop)
{
    struct loop_task *task;
    double end = 0;

    for (unsigned done = 0; (task = next_work(loop)); done++) {
        if (done == TURN_FREE)
            end = loop_clock() + TURN_SECONDS;
        else if (done > TURN_FREE && loop_clock() >= end)
            break;
        run(loop, task);
    }
    if (!task) {
        ev_idle_stop(loop->ev, &loop->unfinished);
        return;
    }
    date_graves(loop);
    ev_idle_start(loop->ev, &loop->unfinished);
}

/* Without a budget, but for what defers itself for ever. */
static void finish_all(struct loop *loop)
{
    struct loop_task *task;

    for (unsigned round = 0; round < ROUNDS_AT_END; round++) {
        uint64_t last = loop->serial;

        while ((task = next_work(loop)) && task->serial <= last)
            run(loop, task);
        date_graves(loop);
    }
}

static void on_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    (void)watcher;
    (void)events;
    finish_turn(ev_userdata(ev));
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
    loop->pending = pending_new(loop);

    /* Last of what runs before the loop sleeps, first of what runs when it woke. */
    ev_prepare_init(&loop->turn, on_turn);
    ev_set_priority(&loop->turn, EV_MINPRI);
    ev_prepare_start(loop->ev, &loop->turn);
    ev_idle_init(&loop->unfinished, on_unfinished);
    ev_check_init(&loop->wake, on_wake);
    ev_set_priority(&loop->wake, EV_MAXPRI);
    ev_check_start(loop->ev, &loop->wake);
}

void loop_free(struct loop *loop)
{
    finish_all(loop);
    pending_free(loop->pending);
    ev_prepare_stop(loop->ev, &loop->turn);
    ev_idle_stop(loop->ev, &loop->unfinished);
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
    finish_all(loop);
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
    task->serial = ++loop->serial;
    TAILQ_INSERT_TAIL(&loop->tasks, task, next);
}

void loop_bury(struct loop *loop, struct loop_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    task->buried = true;
    task->serial = 0;
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
