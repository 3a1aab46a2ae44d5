/* SPDX-License-Identifier: MIT */
/* A curve's points: rates, latencies, and only the last fifteen minutes. */
#include "history/series.h"

#include <criterion/criterion.h>

static struct series series;

static void add(uint64_t requests, uint64_t errors, unsigned bucket)
{
    struct series_counts counts = {.requests = requests, .errors = errors};

    counts.buckets[bucket] = requests;
    series_add(&series, &counts);
}

static void expect_near(float value, double wanted)
{
    cr_expect_float_eq(value, (float)wanted, 0.01f + 0.001f * (float)wanted, "%f is not %f",
                       (double)value, wanted);
}

Test(series, a_point_has_rates_and_latencies)
{
    add(150, 15, 0);
    add(150, 0, 4); /* of 10 to 25 ms */
    series_step(&series, 15, 7);
    cr_assert_eq(series.count, 1);
    expect_near(series_at(&series, 0)->rate, 20);
    expect_near(series_at(&series, 0)->errors, 1);
    cr_expect_float_eq(series_at(&series, 0)->p50, 0.001f, 1e-5f);
    cr_expect_float_eq(series_at(&series, 0)->p99, 0.0247f, 1e-4f);
    cr_expect_eq(series_at(&series, 0)->connections, 7);
}

Test(series, without_requests_there_are_no_latencies)
{
    series_step(&series, 15, 0);
    cr_expect_eq(series_at(&series, 0)->rate, 0.f);
    cr_expect_lt(series_at(&series, 0)->p50, 0.f);
    cr_expect_lt(series_now(&series, 3, 0).p99, 0.f);
}

Test(series, what_is_beyond_all_bounds_takes_as_long_as_the_last)
{
    add(10, 0, SERIES_BUCKETS - 1);
    expect_near(series_now(&series, 5, 0).p50, 30);
}

Test(series, now_is_the_last_point_and_what_came_since)
{
    add(150, 0, 0);
    expect_near(series_now(&series, 5, 0).rate, 30);
    expect_near(series_now(&series, 0, 0).rate, 150); /* no less than a second */
    series_step(&series, 15, 0);
    add(150, 30, 0);
    expect_near(series_now(&series, 5, 3).rate, 15);
    expect_near(series_now(&series, 5, 3).errors, 1.5);
    series_step(&series, 15, 0);
    series_step(&series, 15, 0);
    expect_near(series_now(&series, 5, 0).rate, 0);
}

Test(series, only_the_last_points_are_kept)
{
    for (unsigned i = 1; i <= SERIES_POINTS + 5; i++)
        series_step(&series, 15, i);
    cr_assert_eq(series.count, SERIES_POINTS);
    cr_expect_eq(series_at(&series, 0)->connections, 6);
    cr_expect_eq(series_at(&series, SERIES_POINTS - 1)->connections, SERIES_POINTS + 5);
}

Test(series, a_pause_becomes_points_of_its_mean)
{
    add(600, 0, 0);
    series_step(&series, 60, 1);
    cr_assert_eq(series.count, 4);
    expect_near(series_at(&series, 0)->rate, 10);
    expect_near(series_at(&series, 3)->rate, 10);
    series_step(&series, 1e9, 1);
    cr_assert_eq(series.count, SERIES_POINTS);
    expect_near(series_at(&series, 0)->rate, 0);
}
