/* SPDX-License-Identifier: MIT */
/* What happened between two statuses. */
#include "main/rates_internal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static json_t *before, *now;
static struct rates rates;

static void end(void)
{
    rates_free(&rates);
    json_decref(before);
    json_decref(now);
}

TestSuite(rates, .fini = end);

static json_t *status(const char *tenants)
{
    json_error_t error;
    json_t *whole =
        json_pack("{s:i, s:o}", "connections", 9, "tenants", json_loads(tenants, 0, &error));

    cr_assert_not_null(whole, "%s", error.text);
    return whole;
}

static void make(const char *earlier, const char *later, double seconds)
{
    before = earlier ? status(earlier) : NULL;
    now = status(later);
    rates_make(&rates, before, now, seconds);
}

Test(rates, are_what_counters_have_grown_by)
{
    make("[{\"tenant\": \"a\", \"requests\": 10, \"requests_by_code\": {\"none\": 1, \"2xx\": 4,"
         " \"5xx\": 5}}, {\"tenant\": \"gone\", \"requests\": 3}]",
         "[{\"tenant\": \"a\", \"state\": \"serving\", \"requests\": 30, \"connections\": 7,"
         " \"requests_by_code\": {\"none\": 2, \"2xx\": 20, \"5xx\": 8}},"
         " {\"tenant\": \"new\", \"state\": \"waiting\", \"requests\": 4,"
         " \"requests_by_code\": {\"none\": 0, \"5xx\": 2}}]",
         2);
    cr_assert_eq(rates.count, 2);
    cr_expect_str_eq(rates.each[0].name, "a");
    cr_expect_str_eq(rates.each[1].state, "waiting");
    cr_expect_eq(rates.each[0].requests, 10);
    cr_expect_eq(rates.each[0].errors, 1.5);
    cr_expect_eq(rates.each[0].connections, 7);
    cr_expect_eq(rates.each[1].requests, 2, "it began with none");
    cr_expect_eq(rates.serving, 1);
    cr_expect(rates.all.requests == 12 && rates.all.errors == 2.5 && rates.all.connections == 9);
}

Test(rates, a_gateway_that_began_anew_counts_from_none)
{
    make("[{\"tenant\": \"a\", \"requests\": 1000}]", "[{\"tenant\": \"a\", \"requests\": 6}]", 1);
    cr_expect_eq(rates.each[0].requests, 6);
}

Test(rates, one_look_tells_no_rate)
{
    make(NULL, "[{\"tenant\": \"a\", \"requests\": 6, \"connections\": 2}]", 1);
    cr_expect_eq(rates.each[0].requests, RATE_UNKNOWN);
    cr_expect_eq(rates.all.p99, RATE_UNKNOWN);
    cr_expect_eq(rates.each[0].connections, 2);
}

Test(rates, what_is_not_told_is_unknown)
{
    make("[{\"tenant\": \"a\"}]", "[{\"tenant\": \"a\", \"requests\": 6}]", 1);
    cr_expect_eq(rates.each[0].errors, RATE_UNKNOWN);
    cr_expect_eq(rates.all.errors, RATE_UNKNOWN);
    cr_expect_eq(rates.each[0].p99, RATE_UNKNOWN);
}

Test(rates, the_slowest_hundredth_is_found_within_its_bucket)
{
    make("[{\"tenant\": \"a\", \"request_durations\": {\"0.1\": 50, \"1\": 0, \"+Inf\": 0}},"
         " {\"tenant\": \"b\", \"request_durations\": {\"0.1\": 0, \"1\": 0, \"+Inf\": 0}},"
         " {\"tenant\": \"c\", \"request_durations\": {\"0.1\": 0, \"1\": 0, \"+Inf\": 0}}]",
         "[{\"tenant\": \"a\", \"request_durations\": {\"0.1\": 148, \"1\": 2, \"+Inf\": 0}},"
         " {\"tenant\": \"b\", \"request_durations\": {\"0.1\": 0, \"1\": 0, \"+Inf\": 3}},"
         " {\"tenant\": \"c\", \"request_durations\": {\"0.1\": 0, \"1\": 0, \"+Inf\": 0}}]",
         1);
    cr_expect_float_eq(rates.each[0].p99, .55, 1e-9, "%f", rates.each[0].p99);
    cr_expect(isinf(rates.each[1].p99));
    cr_expect_eq(rates.each[2].p99, RATE_UNKNOWN, "there was none");
    cr_expect(isinf(rates.all.p99));
}

static void in_order(enum rate_order order, bool is_reversed, const char *names)
{
    char got[8] = "";

    rates_sort(&rates, order, is_reversed);
    for (size_t i = 0; i < rates.count; i++)
        strcat(got, rates.each[i].name);
    cr_expect_str_eq(got, names);
}

Test(rates, are_sorted)
{
    make("[]",
         "[{\"tenant\": \"c\", \"state\": \"serving\", \"requests\": 5, \"connections\": 1},"
         " {\"tenant\": \"b\", \"state\": \"waiting\", \"requests\": 9, \"connections\": 0},"
         " {\"tenant\": \"a\", \"state\": \"serving\", \"requests\": 5, \"connections\": 3},"
         " {\"tenant\": \"d\", \"state\": \"refused\", \"requests\": 0, \"connections\": 0}]",
         1);
    in_order(RATE_BY_REQUESTS, false, "bacd");
    in_order(RATE_BY_REQUESTS, true, "dacb");
    in_order(RATE_BY_CONNECTIONS, false, "acbd");
    in_order(RATE_BY_STATE, false, "dbac");
    in_order(RATE_BY_NAME, false, "abcd");
    in_order(RATE_BY_NAME, true, "dcba");
    in_order(RATE_BY_ERRORS, false, "abcd");
    in_order(RATE_BY_P99, true, "abcd");
}
