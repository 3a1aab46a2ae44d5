/* SPDX-License-Identifier: MIT */
/* Deadlines: they expire in time, and moving them later touches no heap. */
#include "io/deadline.h"

#include <criterion/criterion.h>

struct owner {
    struct deadline deadline;
    struct loop loop;
    int expired;
    double at;
};

static void on_expired(struct deadline *deadline)
{
    struct owner *owner = (struct owner *)deadline;

    owner->expired++;
    owner->at = loop_now(&owner->loop);
    loop_stop(&owner->loop);
}

static void on_stop(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(ev, EVBREAK_ALL);
}

static void run_for(struct loop *loop, double seconds)
{
    ev_timer timer;

    ev_timer_init(&timer, on_stop, seconds, 0.);
    ev_timer_start(loop->ev, &timer);
    loop_run(loop);
    ev_timer_stop(loop->ev, &timer);
}

static void start(struct owner *owner)
{
    memset(owner, 0, sizeof(*owner));
    loop_init(&owner->loop);
    deadline_init(&owner->deadline, &owner->loop, on_expired);
}

Test(deadline, expires_once_and_not_early)
{
    struct owner owner;

    start(&owner);
    double begun = loop_now(&owner.loop);
    deadline_set(&owner.deadline, 0.03);
    cr_assert(deadline_is_set(&owner.deadline));
    loop_run(&owner.loop);
    cr_assert_eq(owner.expired, 1);
    cr_assert_geq(owner.at, begun + 0.028);
    cr_assert_not(deadline_is_set(&owner.deadline));
    run_for(&owner.loop, 0.05);
    cr_assert_eq(owner.expired, 1);
    deadline_stop(&owner.deadline);
    loop_free(&owner.loop);
}

Test(deadline, moving_it_later_leaves_the_heap_alone)
{
    struct owner owner;

    start(&owner);
    double begun = loop_now(&owner.loop);
    deadline_set(&owner.deadline, 0.02);
    double armed = owner.deadline.armed.key;
    deadline_set(&owner.deadline, 0.08);
    cr_assert_eq(owner.deadline.armed.key, armed);
    loop_run(&owner.loop);
    cr_assert_eq(owner.expired, 1);
    cr_assert_geq(owner.at, begun + 0.078, "it was armed again");
    deadline_stop(&owner.deadline);
    loop_free(&owner.loop);
}

Test(deadline, moving_it_earlier_counts)
{
    struct owner owner;

    start(&owner);
    double begun = loop_now(&owner.loop);
    deadline_set(&owner.deadline, 60);
    deadline_set(&owner.deadline, 0.02);
    loop_run(&owner.loop);
    cr_assert_eq(owner.expired, 1);
    cr_assert_lt(owner.at, begun + 10);
    deadline_stop(&owner.deadline);
    loop_free(&owner.loop);
}

Test(deadline, cleared_or_stopped_it_stays_silent)
{
    struct owner owner;

    start(&owner);
    deadline_set(&owner.deadline, 0.01);
    deadline_clear(&owner.deadline);
    cr_assert_not(deadline_is_set(&owner.deadline));
    run_for(&owner.loop, 0.04);
    deadline_set(&owner.deadline, 0.01);
    deadline_stop(&owner.deadline);
    cr_assert_not(owner.deadline.armed.is_in);
    run_for(&owner.loop, 0.04);
    cr_assert_eq(owner.expired, 0);
    deadline_set(&owner.deadline, -1);
    loop_run(&owner.loop);
    cr_assert_eq(owner.expired, 1, "what is past expires at once");
    deadline_stop(&owner.deadline);
    loop_free(&owner.loop);
}

/* Deadlines of a share wait for their turn with its other work. */
struct meddler {
    struct loop_task task;
    struct deadline *deadline;
    bool stops;
};

static void meddle(struct loop_task *task)
{
    struct meddler *meddler = (struct meddler *)task;

    if (meddler->stops)
        deadline_stop(meddler->deadline);
    else
        deadline_set(meddler->deadline, 60);
}

static void meddle_first(bool stops)
{
    struct owner owner;
    struct meddler meddler = {{.run = meddle}, &owner.deadline, stops};

    start(&owner);
    struct loop_share *share = loop_share_new(&owner.loop, 100);
    struct loop_share *before = loop_enter(&owner.loop, share);
    deadline_init(&owner.deadline, &owner.loop, on_expired);
    loop_leave(&owner.loop, before);
    deadline_set(&owner.deadline, 0);
    /* What is ready before it is over comes before it. */
    loop_ready(share, &meddler.task);
    run_for(&owner.loop, 0.03);
    cr_assert_eq(owner.expired, 0);
    cr_assert_eq(owner.deadline.armed.is_in, !stops);
    deadline_stop(&owner.deadline);
    loop_share_unref(share);
    loop_free(&owner.loop);
}

Test(deadline, one_that_is_over_may_be_moved_before_its_turn)
{
    meddle_first(false);
}

Test(deadline, one_that_is_over_may_be_stopped_before_its_turn)
{
    meddle_first(true);
}

Test(deadline, earlier_knows_none)
{
    cr_assert_eq(deadline_earlier(2., 3.), 2.);
    cr_assert_eq(deadline_earlier(3., 2.), 2.);
    cr_assert_eq(deadline_earlier(0., 2.), 2.);
    cr_assert_eq(deadline_earlier(2., 0.), 2.);
    cr_assert_eq(deadline_earlier(0., 0.), 0.);
}

/* ---- many at once ---- */

#define CROWD 2000

static unsigned over;

static void count(struct deadline *deadline)
{
    (void)deadline;
    over++;
}

Test(deadline, thousands_that_are_over_at_once_take_several_turns)
{
    static struct deadline crowd[CROWD];
    struct loop loop;
    unsigned turns = 0;

    loop_init(&loop);
    for (unsigned i = 0; i < CROWD; i++) {
        deadline_init(&crowd[i], &loop, count);
        deadline_set(&crowd[i], 0);
    }
    for (unsigned before = 0; over < CROWD; turns++, before = over) {
        ev_run(loop.ev, EVRUN_ONCE);
        cr_assert_leq(over - before, CROWD / 2);
    }
    cr_assert_gt(turns, 3);
    loop_free(&loop);
}
