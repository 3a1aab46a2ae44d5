/* SPDX-License-Identifier: MIT */
/* The loop: tasks and graves at the end of a turn, in their order. */
#include "io/loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

struct job {
    struct loop_task task;
    struct loop *loop;
    struct job *follows; /* deferred by this one */
    bool stops;
    char *trace; /* gets the mark */
    char mark;
};

static void run_job(struct loop_task *task)
{
    struct job *job = (struct job *)task;

    job->trace[strlen(job->trace)] = job->mark;
    if (job->follows)
        loop_defer(job->loop, &job->follows->task);
    if (job->stops)
        loop_stop(job->loop);
}

static struct job job_of(struct loop *loop, char *trace, char mark)
{
    return (struct job){.task = {.run = run_job}, .loop = loop, .trace = trace, .mark = mark};
}

Test(loop, tasks_then_graves_then_what_they_left)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct job last = job_of(&loop, trace, 'l');
    struct job grave = job_of(&loop, trace, 'g');
    struct job second = job_of(&loop, trace, 's');
    struct job first = job_of(&loop, trace, 'f');
    last.stops = true;
    grave.follows = &last;
    first.follows = &second;
    loop_bury(&loop, &grave.task);
    loop_defer(&loop, &first.task);
    loop_defer(&loop, &first.task);
    loop_run(&loop);
    cr_assert_str_eq(trace, "fsgl");
    loop_free(&loop);
}

Test(loop, cancelled_work_does_not_run)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct job task = job_of(&loop, trace, 't');
    struct job grave = job_of(&loop, trace, 'g');
    loop_defer(&loop, &task.task);
    loop_bury(&loop, &grave.task);
    loop_cancel(&loop, &task.task);
    loop_cancel(&loop, &grave.task);
    loop_cancel(&loop, &grave.task);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(trace, "");
    loop_defer(&loop, &task.task);
    loop_free(&loop);
    cr_assert_str_eq(trace, "t", "what waits is not lost");
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct loop *loop = timer->data;

    (void)ev;
    (void)events;
    loop_stop(loop);
}

Test(loop, time_moves_with_the_turns)
{
    struct loop loop;
    ev_timer timer;

    loop_init(&loop);
    double before = loop_now(&loop);
    cr_assert_gt(before, 0);
    ev_timer_init(&timer, on_timer, 0.02, 0.);
    timer.data = &loop;
    ev_timer_start(loop.ev, &timer);
    loop_run(&loop);
    cr_assert_geq(loop_now(&loop), before + 0.019);
    cr_assert_lt(loop_now(&loop), before + 5);
    cr_assert_geq(loop_clock(), loop_now(&loop));
    cr_assert_lt(loop_clock(), before + 5);
    cr_assert_lt(abs((int)(loop_wall(&loop) - (double)time(NULL))), 3);
    cr_assert_eq(raise(SIGPIPE), 0, "SIGPIPE is ignored");
    loop_free(&loop);
}
