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
