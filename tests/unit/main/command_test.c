/* SPDX-License-Identifier: MIT */
/* -s: what is shown of the answer, and the exit status. */
#include "main/command_internal.h"

#include "main/answers.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>

#define HELLO "hello\t1.0\t7\t0\n"
#define AFTER "hello\t1.1\t7\t1\n"

static int run(struct command command, const char *const texts[])
{
    struct answers answers;
    int status;

    answers_begin(&answers, texts);
    command.config = "/nowhere";
    command.socket = answers.socket;
    status = command_run(&command);
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

TestSuite(command, .init = redirect);

Test(command, a_reload_tells_each_tenants_fate)
{
    const char *const texts[] = {HELLO "added\ta\nrefused\tb\tno server\nwarning\tw\nnews\tx\n"
                                       "summary\treload done\nend\t1\n",
                                 NULL};

    cr_assert_eq(run((struct command){.name = "reload"}, texts), EXIT_FAILURE);
    cr_assert_stdout_eq_str("added a\nrefused b: no server\nreload done\n");
    cr_assert_stderr_eq_str("nsgate: [warn] w\n");
}

Test(command, who_goes_away_has_not_reloaded)
{
    const char *const texts[] = {HELLO "added\ta\n", NULL};

    cr_assert_eq(run((struct command){.name = "reload", .force = true}, texts), EXIT_FAILURE);
    cr_assert_stderr_eq_str("nsgate: the running nsgate went away before the reload was done\n");
}

Test(command, logs_are_open_when_it_is_said)
{
    const char *const good[] = {HELLO "end\t0\n", NULL};
    const char *const silent[] = {HELLO, NULL};

    cr_assert_eq(run((struct command){.name = "reopen"}, good), EXIT_SUCCESS);
    cr_assert_eq(run((struct command){.name = "reopen"}, silent), EXIT_FAILURE);
    cr_assert_stderr_eq_str("nsgate: the running nsgate did not say whether the logs are open\n");
}

Test(command, an_upgrade_that_is_refused_says_why)
{
    const char *const texts[] = {HELLO "waits\tthe end of a reload\nerror\ttoo old\nend\t1\n",
                                 NULL};

    cr_assert_eq(run((struct command){.name = "upgrade"}, texts), EXIT_FAILURE);
    cr_assert_stdout_eq_str("the upgrade waits for the end of a reload\n");
    cr_assert_stderr_eq_str("nsgate: [error] too old\n");
}

/* The same process greets as before: the connection was lost, and nothing more. */
Test(command, an_upgrade_without_a_word_and_with_the_same_binary_is_none)
{
    const char *const texts[] = {HELLO, HELLO "gateway\tversion=1\tarriving=0\nend\t0\n", NULL};

    cr_assert_eq(run((struct command){.name = "upgrade"}, texts), EXIT_FAILURE);
    cr_assert_stderr_eq_str("nsgate: the connection was lost, the old binary goes on\n");
}

Test(command, an_upgrade_is_done_when_its_workers_serve)
{
    const char *const texts[] = {HELLO, AFTER "gateway\tversion=1.1\tarriving=1\n",
                                 AFTER "gateway\tversion=1.1\tarriving=0\n", NULL};

    cr_assert_eq(run((struct command){.name = "upgrade"}, texts), EXIT_SUCCESS);
    cr_assert_stdout_eq_str("upgrade done: version=1.1\n");
}

Test(command, options_of_other_commands_are_refused)
{
    const struct command json = {.name = "reload", .config = "/nowhere", .json = true};
    const struct command force = {.name = "status", .config = "/nowhere", .force = true};

    cr_assert_eq(command_run(&json), EXIT_FAILURE);
    cr_assert_eq(command_run(&force), EXIT_FAILURE);
    fflush(stderr);
    cr_assert_stderr_eq_str(
        "nsgate: --json and --check are for -s status\nnsgate: --force is for -s reload\n");
}
