/* SPDX-License-Identifier: MIT */
/* How many connections may be in the making, as time, answers and their number say. */
#include "backend/making_internal.h"

#include <criterion/criterion.h>

static struct making making;
static struct backend_connection connections[4096];
static uint32_t opened;

static void setup(void)
{
    making_init(&making);
    opened = 0;
}

TestSuite(making, .init = setup);

/* Opens as many as it may; returns how many these are. */
static uint32_t open_all(double now)
{
    uint32_t before = opened;
    while (opened < 4096 && making_has_room(&making, opened, false, now)) {
        connections[opened].opened = now;
        making_add(&making, &connections[opened++]);
    }
    return opened - before;
}

static void answer(uint32_t from, uint32_t to, double seconds)
{
    for (uint32_t i = from; i < to; i++) {
        making_remove(&making, &connections[i]);
        making_answered(&making, seconds);
    }
}

Test(making, some_tens_at_first)
{
    cr_assert_eq(open_all(100), 32);
    cr_assert_eq(open_all(100.004), 0);
}

Test(making, as_many_again_after_a_few_milliseconds_of_silence)
{
    open_all(100);
    cr_assert_eq(open_all(100.0051), 32);
    for (unsigned i = 2; i <= 20; i++)
        open_all(100 + i * 0.0051);
    cr_assert_gt(opened, 300, "long polls do not count for long");
}

Test(making, what_has_answered_makes_room)
{
    open_all(100);
    making_given(&making, 100.001);
    answer(0, 10, 0.001);
    cr_assert_eq(making.count, 22);
    cr_assert_eq(open_all(100.001), 10);
    making_remove(&making, &connections[0]);
    cr_assert_eq(making.count, 32, "removed twice, counted once");
}

/* A server that answers 2,000 requests a second in their order, whatever there is: each connection
 * that it answers on gets the next request, as do those that are opened. */
Test(making, a_burst_at_a_loaded_server_uses_hundreds)
{
    static struct {
        uint32_t connection;
        double asked;
    } requests[8192];
    uint32_t asked = 0, answered = 0;
    making.lacking_since = 100;
    for (double now = 100; now < 101.9; now += 0.005) {
        for (uint32_t new = open_all(now); new > 0; new --) {
            requests[asked].asked = now;
            requests[asked++].connection = opened - new;
        }
        making_given(&making, now);
        for (unsigned i = 0; i < 10; i++, answered++) {
            uint32_t connection = requests[answered].connection;
            answer(connection, connection + 1, now - requests[answered].asked);
            requests[asked].asked = now;
            requests[asked++].connection = connection;
        }
    }
    cr_assert_gt(opened, 50);
    cr_assert_lt(opened, 500, "%u", opened);
}

Test(making, demand_that_lasts_gets_what_it_needs)
{
    answer(0, 50, 0.1);
    making.lacking_since = 100;
    opened = 500;
    making_given(&making, 101.5);
    cr_assert_leq(open_all(101.5), 8);
    answer(0, opened, 0.1);
    making_given(&making, 102.1);
    cr_assert_eq(open_all(102.1), 128);
}

Test(making, but_not_at_a_server_that_answers_late)
{
    answer(0, 50, 0.01);
    making.lacking_since = 100;
    answer(0, 100, 0.2);
    opened = 500;
    making_given(&making, 102.1);
    cr_assert_leq(open_all(102.1), 8);
}

/* Answers come every millisecond, and those that do not come are no reason to wait for long. */
Test(making, long_polls_among_quick_answers)
{
    answer(0, 50, 0.001);
    open_all(100);
    making_given(&making, 100.0052);
    cr_assert_eq(open_all(100.0053), 32);
}

Test(making, answers_of_long_polls_are_no_measure)
{
    answer(0, 50, 0.002);
    answer(0, 50, 30);
    cr_assert_lt(making.usual, 0.003);
    answer(0, 1, 0.9);
    cr_assert_lt(making.usual, 0.003, "nor is a single late one");
}

Test(making, fewer_of_those_that_take_many_exchanges)
{
    uint32_t count = 0;
    while (making_has_room(&making, count, true, 100)) {
        connections[count].opened = 100;
        making_add(&making, &connections[count++]);
    }
    cr_assert_eq(count, 4);
}
