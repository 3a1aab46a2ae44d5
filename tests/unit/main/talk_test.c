/* SPDX-License-Identifier: MIT */
/* Lines of the control socket: cut into fields, and the last one. */
#include "main/talk_internal.h"

#include "main/answers.h"

#include "control/protocol.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

static struct talk talk;
static struct answer answer;

static void hear(const char *text)
{
    talk = (struct talk){.stream = fmemopen((void *)text, strlen(text), "r")};
    cr_assert_not_null(talk.stream);
}

static void end(void)
{
    talk_close(&talk);
}

TestSuite(talk, .init = cr_redirect_stderr, .fini = end);

Test(talk, a_line_is_cut_into_fields)
{
    hear("refused\tacme\tno certificate\nsummary\t\nhalf a line");
    cr_assert_eq(talk_read(&talk, &answer), 0);
    cr_assert(answer_is(&answer, "refused", 3) && answer_is(&answer, "refused", 1));
    cr_assert_not(answer_is(&answer, "refused", 4), "it has no more");
    cr_assert_not(answer_is(&answer, "refuse", 1));
    cr_assert_str_eq(answer.fields[2], "no certificate");
    cr_assert_eq(talk_read(&talk, &answer), 0);
    cr_assert_eq(answer.count, 2);
    cr_assert_str_eq(answer.fields[1], "");
    cr_assert_eq(talk_read(&talk, &answer), -1, "it was cut off");
}

Test(talk, more_fields_than_are_known_are_left)
{
    char text[2 * (ANSWER_FIELDS_MAX + 4) + 2] = "";

    for (unsigned i = 0; i < ANSWER_FIELDS_MAX + 4; i++)
        strcat(text, "x\t");
    strcat(text, "\n");
    hear(text);
    cr_assert_eq(talk_read(&talk, &answer), 0);
    cr_assert_eq(answer.count, ANSWER_FIELDS_MAX);
}

static bool ends(const char *line, int *status)
{
    bool is_last;

    hear(line);
    cr_assert_eq(talk_read(&talk, &answer), 0);
    is_last = answer_ends(&answer, status);
    talk_close(&talk);
    talk = (struct talk){0};
    return is_last;
}

Test(talk, the_last_line_has_the_exit_status)
{
    int status = -1;

    cr_assert(!ends("error\tthe reason\n", &status) && !ends("warning\ta hint\n", &status) &&
              !ends("end\n", &status));
    cr_assert_eq(status, -1);
    cr_assert(ends("end\t0\n", &status));
    cr_assert_eq(status, EXIT_SUCCESS);
    cr_assert(ends("end\t1\n", &status));
    cr_assert_eq(status, EXIT_FAILURE);
    cr_assert(ends("end\t2\n", &status));
    cr_assert_eq(status, CONTROL_LACKING);
    fflush(stderr);
    cr_assert_stderr_eq_str("nsgate: [error] the reason\nnsgate: [warn] a hint\n");
}

static int open_with(const char *greeting)
{
    const char *const texts[] = {greeting, NULL};
    struct command command = {.config = "/nowhere"};
    struct answers answers;
    int result;

    answers_begin(&answers, texts);
    command.socket = answers.socket;
    result = talk_open(&talk, &command, "status");
    answers_end(&answers);
    return result;
}

Test(talk, who_greets_is_asked)
{
    cr_assert_eq(open_with("hello\t1.0\t77\t3\nsummary\tdone\n"), 0);
    cr_assert(talk_read(&talk, &answer) == 0 && answer_is(&answer, "summary", 2));
    cr_assert_eq(talk.upgrades, 3);
}

Test(talk, a_version_that_counts_no_upgrades_has_had_none)
{
    cr_assert_eq(open_with("hello\t0.1\n"), 0);
    cr_assert_eq(talk.upgrades, 0);
}

Test(talk, who_does_not_greet_is_no_nsgate)
{
    cr_assert_eq(open_with("220 mail\n"), -1);
    fflush(stderr);
    cr_assert_stderr_eq_str("nsgate: the running nsgate does not answer\n");
}
