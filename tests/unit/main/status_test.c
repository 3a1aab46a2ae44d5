/* SPDX-License-Identifier: MIT */
/* From lines to JSON. */
#include "main/status_internal.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

static int show(const char *text, bool json)
{
    struct talk talk = {.stream = fmemopen((void *)text, strlen(text), "r")};
    int status = status_show(&talk, json);

    talk_close(&talk);
    fflush(stdout);
    fflush(stderr);
    return status;
}

static void redirect(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

TestSuite(status, .init = redirect);

Test(status, fields_become_values)
{
    cr_assert_eq(show("gateway\tversion=1.2\tpid=7\tpartial=0\tnews=x\n"
                      "tenant\tname=a\tnetns=/run/\\x41\\x4\tinode=0\texpires=86400\terror=\n"
                      "another\tkind\n"
                      "tenant\tname=b\tinode=5\texpires=0\terror=x=y\tword\n"
                      "end\t2\n",
                      true),
                 2);
    cr_assert_stdout_eq_str("{\n"
                            "  \"version\": \"1.2\",\n"
                            "  \"pid\": 7,\n"
                            "  \"partial\": false,\n"
                            "  \"tenants\": [\n"
                            "    {\n"
                            "      \"tenant\": \"a\",\n"
                            "      \"namespace\": \"/run/A\\\\x4\",\n"
                            "      \"inode\": null,\n"
                            "      \"certificate_expiry\": \"1970-01-02T00:00:00Z\",\n"
                            "      \"last_error\": null,\n"
                            "      \"failing_upstreams\": []\n"
                            "    },\n"
                            "    {\n"
                            "      \"tenant\": \"b\",\n"
                            "      \"inode\": 5,\n"
                            "      \"certificate_expiry\": null,\n"
                            "      \"last_error\": \"x=y\",\n"
                            "      \"failing_upstreams\": []\n"
                            "    }\n"
                            "  ]\n"
                            "}\n");
}

/* A file's name need not be UTF-8. */
Test(status, what_is_no_utf8_stays_as_it_was_sent)
{
    cr_assert_eq(show("gateway\tpid=7\ntenant\tname=\\xff\\xc3\\xa4\nend\t0\n", true),
                 EXIT_SUCCESS);
    cr_assert_stdout_eq_str("{\n  \"pid\": 7,\n  \"tenants\": [\n    {\n"
                            "      \"tenant\": \"\\\\xff\\\\xc3\\\\xa4\",\n"
                            "      \"failing_upstreams\": []\n    }\n  ]\n}\n");
}

Test(status, half_an_answer_is_none)
{
    cr_assert_eq(show("gateway\tpid=7\ntenant\tname=a\n", false), EXIT_FAILURE);
    cr_assert_stderr_eq_str("nsgate: the running nsgate went away before it had told all\n");
    cr_assert_stdout_eq_str("");
}

Test(status, a_refusal_is_not_shown_as_a_status)
{
    cr_assert_eq(show("error\tnsgate is ending\nend\t1\n", true), EXIT_FAILURE);
    cr_assert_stderr_eq_str("nsgate: [error] nsgate is ending\n");
    cr_assert_stdout_eq_str("");
}

Test(status, is_a_table_for_people)
{
    cr_assert_eq(
        show("gateway\tversion=1.2\tpid=7\tuptime=0\tworkers=1\tgeneration=1\tconnections=0\n"
             "end\t0\n",
             false),
        EXIT_SUCCESS);
    cr_assert_stdout_eq_str(
        "nsgate 1.2, pid 7, up 0m 0s; 1 workers of generation 1, 0 connections\n\n"
        "TENANT  NAMESPACE  STATE  LISTENERS  CONNECTIONS  EXPIRES  GENERATION  LAST ERROR\n");
}
