/* SPDX-License-Identifier: MIT */
/* Clocks: the loop's now stands still within a turn, the wall clock goes with it. */
#include "io/loop.h"

#include <criterion/criterion.h>
#include <math.h>
#include <time.h>

Test(clocks, now_stands_still_within_a_turn)
{
    struct loop loop;

    loop_init(&loop);
    double before = loop_now(&loop), clock = loop_clock();
    cr_assert_geq(clock, before);
    while (loop_clock() < clock + 0.002)
        ;
    cr_assert_eq(loop_now(&loop), before);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_geq(loop_now(&loop), before + 0.002);
    loop_free(&loop);
}

Test(clocks, the_wall_clock_is_the_worlds)
{
    struct loop loop;

    loop_init(&loop);
    cr_assert_lt(fabs(loop_wall(&loop) - (double)time(NULL)), 3);
    double ahead = loop_wall(&loop) - loop_now(&loop);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_lt(fabs(loop_wall(&loop) - loop_now(&loop) - ahead), 3);
    loop_free(&loop);
}
