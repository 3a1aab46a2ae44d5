/* SPDX-License-Identifier: MIT */
/* Lines are cut into fields, and those of the status become one object. */
#include "control/answer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(struct answer_status *status, const char *line)
{
    struct answer answer;
    char *copy = strdup(line);

    answer_cut(&answer, copy);
    answer_status_take(status, &answer);
    free(copy);
}

Test(answer, a_line_is_cut_at_tabs)
{
    char line[] = "tenant\tname=a\t\tlast";
    struct answer answer;

    answer_cut(&answer, line);
    cr_assert_eq(answer.count, 4);
    cr_assert_str_eq(answer.fields[1], "name=a");
    cr_assert_str_eq(answer.fields[2], "");
    cr_assert(answer_is(&answer, "tenant", 4));
    cr_assert_not(answer_is(&answer, "tenant", 5));
    cr_assert_not(answer_is(&answer, "gateway", 1));
}

Test(answer, more_fields_than_are_known_are_passed_over)
{
    char line[4 * ANSWER_FIELDS_MAX + 1];
    struct answer answer;

    memset(line, '\t', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    answer_cut(&answer, line);
    cr_assert_eq(answer.count, ANSWER_FIELDS_MAX);
}

Test(answer, the_status_is_one_object)
{
    struct answer_status status;
    json_t *whole, *tenant;

    answer_status_init(&status);
    take(&status, "gateway\tversion=1.2\tstate=serving\tpid=7\tpartial=0");
    take(&status, "another\tkind");
    take(&status, "tenant\tname=a\\x09b\tinode=0\terror=");
    whole = answer_status_end(&status);
    cr_assert_not_null(whole);
    cr_assert_str_eq(json_string_value(json_object_get(whole, "state")), "serving");
    cr_assert_eq(json_integer_value(json_object_get(whole, "pid")), 7);
    tenant = json_array_get(json_object_get(whole, "tenants"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(tenant, "tenant")), "a\tb");
    cr_assert(json_is_null(json_object_get(tenant, "last_error")));
    json_decref(whole);
}

Test(answer, without_the_gateway_there_is_none)
{
    struct answer_status status;

    answer_status_init(&status);
    take(&status, "error\tnsgate is ending");
    cr_assert_null(answer_status_end(&status));
}

Test(answer, lists_of_numbers_are_objects)
{
    struct answer_status status;
    json_t *whole, *tenant, *upstream;

    answer_status_init(&status);
    take(&status, "upstream\ttenant=none\tupstream=x");
    take(&status, "gateway\tpid=7\treload=\treloaded=0\tready=2");
    take(&status, "tenant\tname=a\tcodes=2xx:5,5xx:0\tdurations=0.1:3,+Inf:1,odd,:,x:");
    take(&status, "upstream\ttenant=a\tupstream=pool\tservers=3\tup=1\tdown=b\tdown=c");
    take(&status, "tenant\tname=b\tcodes=");
    whole = answer_status_end(&status);
    cr_assert_not_null(whole);
    cr_expect(json_is_null(json_object_get(whole, "last_reload")));
    cr_expect_eq(json_integer_value(json_object_get(whole, "workers_ready")), 2);
    tenant = json_array_get(json_object_get(whole, "tenants"), 0);
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(tenant, "requests_by_code"), "2xx")), 5);
    cr_expect_eq(
        json_integer_value(json_object_get(json_object_get(tenant, "request_durations"), "+Inf")),
        1);
    upstream = json_array_get(json_object_get(tenant, "failing_upstreams"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(upstream, "upstream")), "pool");
    cr_expect_eq(json_integer_value(json_object_get(upstream, "up")), 1);
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(upstream, "down"), 1)), "c");
    tenant = json_array_get(json_object_get(whole, "tenants"), 1);
    cr_expect_eq(json_array_size(json_object_get(tenant, "failing_upstreams")), 0);
    cr_expect_eq(json_object_size(json_object_get(tenant, "requests_by_code")), 0);
    json_decref(whole);
}
