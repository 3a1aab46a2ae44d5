/* SPDX-License-Identifier: MIT */
/* Two looks, a second apart, as a table. What it shows in a terminal is tested there. */
#include "main/top_internal.h"

#include "main/answers.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>

static int top(const char *const texts[])
{
    struct command command = {.name = "top", .config = "/nowhere"};
    struct answers answers;
    int status;

    answers_begin(&answers, texts);
    command.socket = answers.socket;
    status = top_run(&command);
    answers_end(&answers);
    fflush(stdout);
    fflush(stderr);
    return status;
}

static void redirect(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

TestSuite(top, .init = redirect);

#define LOOK(tenants, end) "hello\t1.0\t7\t0\ngateway\tversion=1.0\tpid=7\n" tenants end

Test(top, is_a_table_where_there_is_no_terminal)
{
    const char *const texts[] = {LOOK("tenant\tname=a\tstate=serving\trequests=5\n", "end\t2\n"),
                                 LOOK("tenant\tname=a\tstate=serving\trequests=5\n", "end\t2\n"),
                                 NULL};

    cr_assert_eq(top(texts), EXIT_SUCCESS);
    cr_assert_stdout_eq_str(
        "nsgate 1.0, pid 7, up 0m 0s; 0 workers of generation 0, 0 connections\n"
        "1 of 1 tenants serve; 0.0 requests/s, - errors/s, p99 -\n\n"
        "TENANT  STATE    REQUESTS/S  ERRORS/S       P99  CONNECTIONS\n"
        "a       serving         0.0         -         -            0\n");
}

Test(top, half_a_look_is_none)
{
    const char *const texts[] = {LOOK("", "end\t0\n"), LOOK("", ""), NULL};

    cr_assert_eq(top(texts), EXIT_FAILURE);
    cr_assert_stdout_eq_str("");
    cr_assert_stderr_eq_str("nsgate: the running nsgate went away before it had told all\n");
}
