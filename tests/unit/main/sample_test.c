/* SPDX-License-Identifier: MIT */
/* A status that is read as it comes. */
#include "main/sample_internal.h"

#include "main/answers.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <poll.h>
#include <string.h>

static struct sample sample;
static struct answers answers;
static json_t *gateway;

static int look(const char *text)
{
    const char *const texts[] = {text, NULL};
    struct command command = {.config = "/nowhere"};
    int result = 1;

    answers_begin(&answers, texts);
    command.socket = answers.socket;
    sample_init(&sample);
    cr_assert_eq(sample_ask(&sample, &command), 0);
    while (result > 0) {
        struct pollfd ready = {.fd = sample.fd, .events = POLLIN};

        cr_assert_eq(poll(&ready, 1, 10000), 1);
        result = sample_read(&sample, &gateway);
    }
    cr_expect_eq(sample.fd, -1, "it is over");
    sample_end(&sample);
    answers_end(&answers);
    return result;
}

static void end(void)
{
    json_decref(gateway);
}

TestSuite(sample, .init = cr_redirect_stderr, .fini = end);

Test(sample, is_the_whole_status)
{
    cr_assert_eq(look("hello\t1.0\t7\t0\ngateway\tpid=7\ntenant\tname=a\tconnections=2\nend\t0\n"),
                 0);
    cr_assert_eq(json_integer_value(json_object_get(gateway, "pid")), 7);
    cr_assert_eq(json_array_size(json_object_get(gateway, "tenants")), 1);
}

Test(sample, of_many_tenants_comes_in_pieces)
{
    enum { TENANTS = 5000 };
    static char text[TENANTS * 64];
    size_t len = (size_t)sprintf(text, "gateway\tpid=7\n");

    for (unsigned i = 0; i < TENANTS; i++)
        len += (size_t)sprintf(text + len, "tenant\tname=%u\n", i);
    strcpy(text + len, "end\t0\n");
    cr_assert_eq(look(text), 0);
    cr_assert_eq(json_array_size(json_object_get(gateway, "tenants")), TENANTS);
}

Test(sample, half_of_it_is_none)
{
    cr_assert_eq(look("gateway\tpid=7\ntenant\tname=a\nen"), -1);
    cr_assert_eq(look("error\tnsgate is ending\nend\t1\n"), -1);
    cr_assert_null(gateway);
}

Test(sample, nobody_can_be_asked_who_is_not_there)
{
    struct command command = {.config = "/nowhere", .socket = "/nowhere.sock"};

    sample_init(&sample);
    cr_assert_eq(sample_ask(&sample, &command), -1);
    cr_assert_eq(sample.fd, -1);
}
