/* SPDX-License-Identifier: MIT */
/* Pieces: shares get time by their weights, nobody waits long for the loop's own share, and what a
 * piece queues is done in its order. */
#include "io/loop.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* Works for ever in pieces of its own, or so many times. */
struct worker {
    struct loop_task task;
    struct loop *loop;
    struct loop_share *share;
    double seconds; /* of each run */
    unsigned runs, runs_max;
    double last; /* when it last ran */
};

static void work(struct loop_task *task)
{
    struct worker *worker = (struct worker *)task;
    double end = loop_clock() + worker->seconds;

    while (loop_clock() < end)
        ;
    worker->last = loop_clock();
    worker->runs++;
    if (worker->runs_max == 0 || worker->runs < worker->runs_max)
        loop_defer(worker->loop, task);
}

static void worker_start(struct worker *worker, struct loop *loop, uint32_t weight, double seconds)
{
    *worker = (struct worker){.task = {.run = work}, .loop = loop, .seconds = seconds};
    worker->share = loop_share_new(loop, weight);
    struct loop_share *before = loop_enter(loop, worker->share);
    loop_defer(loop, &worker->task);
    loop_leave(loop, before);
}

static void worker_stop(struct worker *worker)
{
    loop_cancel(worker->loop, &worker->task);
    loop_share_unref(worker->share);
}

/* Until this share has had so much time. */
static void turns(struct loop *loop, const struct loop_share *share, double seconds)
{
    while (loop_share_charged(share) < seconds)
        ev_run(loop->ev, EVRUN_NOWAIT);
}

Test(pieces, time_goes_by_weight)
{
    struct loop loop;
    struct worker workers[3];
    const uint32_t weights[3] = {100, 100, 300};

    loop_init(&loop);
    for (unsigned i = 0; i < 3; i++)
        worker_start(&workers[i], &loop, weights[i], 0.00002 * (i + 1));
    turns(&loop, workers[0].share, 0.05);
    double one = loop_share_charged(workers[0].share);
    cr_assert_float_eq(loop_share_charged(workers[1].share) / one, 1, 0.1);
    cr_assert_float_eq(loop_share_charged(workers[2].share) / one, 3, 0.3);
    for (unsigned i = 0; i < 3; i++)
        worker_stop(&workers[i]);
    loop_free(&loop);
}

Test(pieces, a_weight_changes_at_once)
{
    struct loop loop;
    struct worker a, b;

    loop_init(&loop);
    worker_start(&a, &loop, 100, 0.00005);
    worker_start(&b, &loop, 10000, 0.00005);
    loop_share_set_weight(b.share, 100);
    turns(&loop, a.share, 0.05);
    cr_assert_float_eq(loop_share_charged(b.share) / loop_share_charged(a.share), 1, 0.1);
    worker_stop(&a);
    worker_stop(&b);
    loop_free(&loop);
}

/* The loop's own work waits for the piece that runs, however many others have work. */
Test(pieces, own_work_is_next)
{
    struct loop loop;
    static struct worker workers[50];
    struct worker own;

    loop_init(&loop);
    for (unsigned i = 0; i < 50; i++)
        worker_start(&workers[i], &loop, 10000, 0.0001);
    own = (struct worker){.task = {.run = work}, .loop = &loop, .runs_max = 1};
    for (unsigned i = 0; i < 20; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        unsigned before = 0, after = 0;
        for (unsigned j = 0; j < 50; j++)
            before += workers[j].runs;
        own.runs = 0;
        loop_defer(&loop, &own.task);
        ev_run(loop.ev, EVRUN_NOWAIT);
        cr_assert_eq(own.runs, 1);
        for (unsigned j = 0; j < 50; j++)
            after += workers[j].last < own.last ? workers[j].runs : 0;
        cr_assert_leq(after, before, "nobody's piece came before");
    }
    for (unsigned i = 0; i < 50; i++)
        worker_stop(&workers[i]);
    loop_free(&loop);
}

/* ---- order ---- */

struct step {
    struct loop_task task;
    struct loop *loop;
    struct step *defers;
    struct loop_task *buries;
    char *trace;
    char mark;
};

static void on_step(struct loop_task *task)
{
    struct step *step = (struct step *)task;

    step->trace[strlen(step->trace)] = step->mark;
    if (step->defers)
        loop_defer(step->loop, &step->defers->task);
    if (step->buries)
        loop_bury(step->loop, step->buries);
}

Test(pieces, what_is_ready_then_one_task_for_all_of_it_then_graves)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct step flush = {{.run = on_step}, &loop, NULL, NULL, trace, 'f'};
    struct step grave = {{.run = on_step}, &loop, NULL, NULL, trace, 'g'};
    struct step a = {{.run = on_step}, &loop, &flush, &grave.task, trace, 'a'};
    struct step b = {{.run = on_step}, &loop, &flush, NULL, trace, 'b'};
    loop_ready(share, &a.task);
    loop_ready(share, &a.task);
    loop_ready(share, &b.task);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(trace, "abfg");
    loop_share_unref(share);
    loop_free(&loop);
}

/* What the loop's own share ends may be others'. */
Test(pieces, graves_of_the_own_share_wait_for_the_tasks_of_all)
{
    struct loop loop;
    char trace[16] = "";
    struct worker busy;

    loop_init(&loop);
    struct step task = {{.run = on_step}, &loop, NULL, NULL, trace, 't'};
    struct step grave = {{.run = on_step}, &loop, NULL, NULL, trace, 'g'};
    struct step closing = {{.run = on_step}, &loop, NULL, &grave.task, trace, 'c'};
    worker_start(&busy, &loop, 100, 0.002);
    struct loop_share *before = loop_enter(&loop, busy.share);
    loop_defer(&loop, &task.task);
    loop_leave(&loop, before);
    loop_defer(&loop, &closing.task);
    for (unsigned i = 0; i < 100 && strlen(trace) < 3; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(trace, "ctg");
    worker_stop(&busy);
    loop_free(&loop);
}

#define SLOW_GRAVES 40

/* Each takes long, so that one piece leaves most of them. */
struct slow_grave {
    struct loop_task task;
    unsigned *filled;
};

static void fill_slowly(struct loop_task *task)
{
    struct slow_grave *grave = (struct slow_grave *)task;
    double end = loop_clock() + 0.00005;

    while (loop_clock() < end)
        ;
    ++*grave->filled;
}

static void bury_in(struct loop *loop, struct loop_share *share, struct loop_task *task)
{
    struct loop_share *before = loop_enter(loop, share);

    loop_bury(loop, task);
    loop_leave(loop, before);
}

/* How many of another share's graves had been filled. */
struct late_grave {
    struct loop_task task;
    const unsigned *filled;
    unsigned saw;
    bool was_filled;
};

static void look_at_others(struct loop_task *task)
{
    struct late_grave *grave = (struct late_grave *)task;

    grave->saw = *grave->filled;
    grave->was_filled = true;
}

/* What those of a connection read, a grave of its listener frees. */
Test(pieces, graves_of_the_own_share_wait_for_the_older_graves_of_all)
{
    struct loop loop;
    struct slow_grave graves[SLOW_GRAVES];
    unsigned filled = 0;
    struct late_grave own = {.task = {.run = look_at_others}, .filled = &filled};

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    for (unsigned i = 0; i < SLOW_GRAVES; i++) {
        graves[i] = (struct slow_grave){.task = {.run = fill_slowly}, .filled = &filled};
        bury_in(&loop, share, &graves[i].task);
    }
    loop_bury(&loop, &own.task);
    for (unsigned i = 0; i < 1000 && !own.was_filled; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert(own.was_filled);
    cr_assert_eq(own.saw, SLOW_GRAVES);
    loop_share_unref(share);
    loop_free(&loop);
}

/* One that is left when its share ends is older than what the loop's own has buried since. */
Test(pieces, graves_of_a_share_that_ends_keep_their_age)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct loop_share *ended = loop_share_new(&loop, 100);
    struct loop_share *other = loop_share_new(&loop, 100);
    struct step graves[5];
    struct loop_share *const shares[5] = {&loop.own, ended, other, &loop.own, ended};
    for (unsigned i = 0; i < 5; i++) {
        graves[i] = (struct step){{.run = on_step}, &loop, NULL, NULL, trace, (char)('a' + i)};
        bury_in(&loop, shares[i], &graves[i].task);
    }
    loop_share_unref(ended);
    for (unsigned i = 0; i < 100 && strlen(trace) < 5; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(trace, "abcde");
    loop_share_unref(other);
    loop_free(&loop);
}

Test(pieces, graves_keep_their_order_at_the_loops_end)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct step graves[4];
    for (unsigned i = 0; i < 4; i++) {
        graves[i] = (struct step){{.run = on_step}, &loop, NULL, NULL, trace, (char)('a' + i)};
        bury_in(&loop, i % 2 == 0 ? share : &loop.own, &graves[i].task);
    }
    loop_share_unref(share);
    loop_free(&loop);
    cr_assert_str_eq(trace, "abcd");
}

/* The grave does not wait for others' tasks, and nobody else pays for it. */
Test(pieces, graves_are_their_shares_work)
{
    struct loop loop;
    char trace[16] = "";
    struct worker busy;

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct worker grave = {.task = {.run = work}, .loop = &loop, .seconds = 0.003, .runs_max = 1};
    struct step closing = {{.run = on_step}, &loop, NULL, NULL, trace, 'c'};
    closing.buries = &grave.task;
    worker_start(&busy, &loop, 100, 0.0005);
    loop_ready(share, &closing.task);
    for (unsigned i = 0; i < 100 && grave.runs == 0; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(grave.runs, 1);
    cr_assert_geq(loop_share_charged(share), 0.0001);
    worker_stop(&busy);
    loop_share_unref(share);
    loop_free(&loop);
}

Test(pieces, what_outlives_its_share_is_done)
{
    struct loop loop;
    char trace[16] = "";

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct step a = {{.run = on_step}, &loop, NULL, NULL, trace, 'a'};
    struct step b = {{.run = on_step}, &loop, NULL, NULL, trace, 'b'};
    loop_ready(share, &a.task);
    struct loop_share *before = loop_enter(&loop, loop_share_ref(share));
    loop_defer(&loop, &b.task);
    loop_leave(&loop, before);
    loop_share_unref(share);
    loop_share_unref(share);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(trace, "ab");
    loop_share_unref(NULL);
    loop_free(&loop);
}

/* ---- long work ---- */

struct lengthy {
    struct loop_task task;
    struct loop *loop;
    double longest;
    unsigned pieces;
};

static void be_long(struct loop_task *task)
{
    struct lengthy *lengthy = (struct lengthy *)task;
    double begun = loop_clock();

    while (!loop_should_yield(lengthy->loop))
        ;
    double took = loop_clock() - begun;
    if (lengthy->pieces == 0 || took < lengthy->longest)
        lengthy->longest = took;
    if (++lengthy->pieces < 20)
        loop_defer(lengthy->loop, task);
}

Test(pieces, long_work_is_told_when_to_give_way)
{
    struct loop loop;
    struct lengthy lengthy = {.task = {.run = be_long}, .loop = &loop};

    loop_init(&loop);
    loop_defer(&loop, &lengthy.task);
    for (unsigned i = 0; i < 100 && lengthy.pieces < 20; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(lengthy.pieces, 20);
    cr_assert_lt(lengthy.longest, 0.0003, "the least of them: others may have been preempted");
    loop_free(&loop);
}

/* ---- charges ---- */

static void sleep_a_while(struct loop_task *task)
{
    struct lengthy *lengthy = (struct lengthy *)task;

    usleep(4000);
    if (++lengthy->pieces < 10)
        loop_defer(lengthy->loop, task);
}

/* Asleep instead of preempted: time in which the process does not run is nobody's. */
Test(pieces, a_share_is_not_charged_for_time_in_which_nothing_runs)
{
    struct loop loop;
    struct lengthy lengthy = {.task = {.run = sleep_a_while}, .loop = &loop};

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct loop_share *before = loop_enter(&loop, share);
    loop_defer(&loop, &lengthy.task);
    loop_leave(&loop, before);
    struct worker other;
    worker_start(&other, &loop, 1, 0.0001);
    for (unsigned i = 0; i < 100 && lengthy.pieces < 10; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(lengthy.pieces, 10);
    cr_assert_lt(loop_share_charged(share), 0.025, "of 40 ms");
    worker_stop(&other);
    loop_share_unref(share);
    loop_free(&loop);
}

/* ---- a loop that waits by itself ---- */

struct nap {
    struct loop_task task;
    struct loop *loop;
    ev_timer timer;
    unsigned wakes;
};

static void on_nap(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct nap *nap = timer->data;

    (void)ev;
    (void)events;
    nap->wakes++;
    loop_stop(nap->loop);
}

Test(pieces, a_loop_that_waits_by_itself_still_asks_libev)
{
    struct loop loop;
    struct nap nap = {.loop = &loop};

    loop_init(&loop);
    loop_wait_by_itself(&loop);
    ev_timer_init(&nap.timer, on_nap, 0.01, 0.);
    nap.timer.data = &nap;
    ev_timer_start(loop.ev, &nap.timer);
    double begun = loop_clock();
    loop_run(&loop);
    cr_assert_eq(nap.wakes, 1);
    cr_assert_lt(loop_clock() - begun, 10);
    loop_free(&loop);
}
