/* SPDX-License-Identifier: MIT */
/* The loop: tasks and graves at the end of a turn, in their order, and within its budget. */
#include "io/loop.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

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

/* ---- the budget of a turn's end ---- */

/* Works for ever, as a peer that sends without a pause makes somebody work. */
struct worker {
    struct loop_task task;
    struct loop *loop;
    unsigned runs;
    unsigned runs_max; /* then it rests */
    double seconds;    /* of each run */
};

static void work(struct loop_task *task)
{
    struct worker *worker = (struct worker *)task;
    double end = loop_clock() + worker->seconds;

    while (loop_clock() < end)
        ;
    if (++worker->runs < worker->runs_max)
        loop_defer(worker->loop, task);
}

static struct worker worker_of(struct loop *loop, double seconds)
{
    return (struct worker){
        .task = {.run = work}, .loop = loop, .runs_max = UINT_MAX, .seconds = seconds};
}

static void on_byte(struct ev_loop *ev, ev_io *io, int events)
{
    struct loop *loop = io->data;
    char byte;

    (void)ev;
    (void)events;
    cr_assert_eq(read(io->fd, &byte, 1), 1);
    loop_stop(loop);
}

Test(loop, what_works_for_ever_lets_events_in)
{
    struct loop loop;
    int pipes[2];
    ev_io io;

    loop_init(&loop);
    struct worker worker = worker_of(&loop, 0.0001);
    cr_assert_eq(pipe(pipes), 0);
    ev_io_init(&io, on_byte, pipes[0], EV_READ);
    io.data = &loop;
    ev_io_start(loop.ev, &io);
    loop_defer(&loop, &worker.task);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write(pipes[1], "x", 1), 1);
        loop_run(&loop);
    }
    cr_assert_gt(worker.runs, 20);
    ev_io_stop(loop.ev, &io);
    loop_free(&loop);
    close(pipes[0]);
    close(pipes[1]);
}

Test(loop, what_is_left_does_not_wait_for_an_event, .timeout = 30)
{
    struct loop loop;

    loop_init(&loop);
    struct worker worker = worker_of(&loop, 0.00005);
    loop_defer(&loop, &worker.task);
    for (int turns = 0; turns < 100; turns++)
        ev_run(loop.ev, EVRUN_ONCE); /* sleeps for a minute if nothing forbids it */
    cr_assert_geq(worker.runs, 100);
    loop_free(&loop);
}

Test(loop, everybody_has_a_turn_beside_one_that_works_for_ever)
{
    struct loop loop;
    struct worker others[200];

    loop_init(&loop);
    struct worker worker = worker_of(&loop, 0.0001);
    loop_defer(&loop, &worker.task);
    for (unsigned i = 0; i < 200; i++) {
        others[i] = worker_of(&loop, 0.0001);
        others[i].runs_max = 1;
        loop_defer(&loop, &others[i].task);
    }
    for (int turns = 0; others[199].runs == 0; turns++) {
        cr_assert_lt(turns, 200);
        ev_run(loop.ev, EVRUN_NOWAIT);
        cr_assert(worker.runs == 1 || others[199].runs == 1, "a second run before others' first");
    }
    loop_free(&loop);
}

/* What is freed must not be there for tasks that come later, and must be for all before. */
struct dying {
    struct loop_task task, grave;
    unsigned runs;
    bool is_dead;
};

static void on_dying(struct loop_task *task)
{
    struct dying *dying = (struct dying *)task;

    cr_assert(!dying->is_dead, "a task of what is freed");
    dying->runs++;
}

static void on_dead(struct loop_task *grave)
{
    struct dying *dying = (struct dying *)((char *)grave - offsetof(struct dying, grave));

    cr_assert_eq(dying->task.place, LOOP_NOWHERE, "a grave before a task of what it frees");
    cr_assert_eq(dying->runs, 1);
    dying->is_dead = true;
}

Test(loop, graves_stay_behind_tasks_that_the_budget_puts_off)
{
    struct loop loop;
    struct worker busy[100];
    struct dying dying[100];

    loop_init(&loop);
    for (unsigned i = 0; i < 100; i++) {
        busy[i] = worker_of(&loop, 0.0001);
        dying[i] = (struct dying){.task = {.run = on_dying}, .grave = {.run = on_dead}};
        loop_defer(&loop, &busy[i].task);
        /* Half of them are buried before their task is queued: in one turn the order does not
         * matter. */
        if (i % 2)
            loop_bury(&loop, &dying[i].grave);
        loop_defer(&loop, &dying[i].task);
        loop_bury(&loop, &dying[i].grave);
    }
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(dying[99].runs, 0, "the budget was used up before");
    for (int turns = 0; !dying[99].is_dead; turns++) {
        cr_assert_lt(turns, 500, "graves wait for what never ends");
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    for (unsigned i = 0; i < 100; i++)
        cr_assert(dying[i].is_dead);
    loop_free(&loop);
}

Test(loop, a_cancelled_grave_stays_out_also_when_it_was_put_off)
{
    struct loop loop;

    loop_init(&loop);
    struct worker busy = worker_of(&loop, 0.002);
    struct dying first = {.task = {.run = on_dying}, .grave = {.run = on_dead}, .runs = 1};
    struct dying kept = first, last = first;
    loop_defer(&loop, &busy.task);
    loop_bury(&loop, &first.grave);
    loop_bury(&loop, &kept.grave);
    loop_bury(&loop, &last.grave);
    ev_run(loop.ev, EVRUN_NOWAIT);
    loop_cancel(&loop, &kept.grave);
    for (int turns = 0; !last.is_dead; turns++) {
        cr_assert_lt(turns, 500);
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    cr_assert(first.is_dead && !kept.is_dead);
    loop_free(&loop);
    cr_assert(!kept.is_dead);
}

Test(loop, many_graves_let_events_in)
{
    struct loop loop;
    struct worker graves[300];

    loop_init(&loop);
    for (unsigned i = 0; i < 300; i++) {
        graves[i] = worker_of(&loop, 0.0001);
        graves[i].runs_max = 1;
        loop_bury(&loop, &graves[i].task);
    }
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(graves[299].runs, 0);
    loop_free(&loop);
    cr_assert_eq(graves[299].runs, 1, "what waits is not lost");
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
    cr_assert_eq(raise(SIGPIPE), 0, "SIGPIPE is ignored");
    loop_free(&loop);
}

/* ---- how long work takes ---- */

struct told {
    unsigned times;
    double seconds;
};

static void on_worked(void *owner, double seconds)
{
    struct told *told = owner;

    told->times++;
    told->seconds += seconds;
}

static void run_long(struct loop_task *task)
{
    double end = loop_clock() + 0.005;

    while (loop_clock() < end)
        ;
    loop_stop(((struct job *)task)->loop);
}

Test(loop, tells_how_long_it_worked)
{
    struct loop loop;
    struct told told = {0};

    loop_init(&loop);
    struct job job = {.task = {.run = run_long}, .loop = &loop};
    loop_tell_work(&loop, on_worked, &told);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(told.times, 0, "there was nothing to do");
    loop_defer(&loop, &job.task);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(told.times, 1);
    cr_assert_geq(told.seconds, 0.005);
    loop_free(&loop);
}
