/* SPDX-License-Identifier: MIT */
/* limit_rate: by a number, by a variable, by the server's word. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n"

/* How much of 3000 bytes goes to the client at once. */
static size_t at_once(const char *inside, const char *target, const char *more)
{
    static char body[3001];
    struct rig rig;
    char head[256], text[256];
    memset(body, 'x', 3000);
    snprintf(text, sizeof(text), "%s proxy_pass http://127.0.0.1:9000;", inside);
    rig_open_location(&rig, text);
    rig_get(&rig, target, "");
    snprintf(head, sizeof(head), ANSWER "%s\r\n", more);
    rig_answer(&rig, head);
    rig_body(&rig, body, PIPE_ENDED);
    size_t len = rig.seen.body_len;
    cr_expect_not(rig_returns(&rig, "x-accel-limit-rate"));
    rig_close(&rig);
    return len;
}

/* The first second's, and little more. */
static void expect(size_t got, size_t wanted)
{
    cr_expect(got >= wanted && got < wanted + wanted / 2, "%zu for %zu", got, wanted);
}

Test(limit_rate, by_a_number)
{
    cr_expect_eq(at_once("", "/", ""), 3000);
    cr_expect_eq(at_once("limit_rate 0;", "/", ""), 3000);
    expect(at_once("limit_rate 1k;", "/", ""), 1024);
    expect(at_once("limit_rate 500; limit_rate_after 1000;", "/", ""), 1500);
    cr_expect_eq(at_once("limit_rate_after 10;", "/", ""), 3000);
}

Test(limit_rate, by_a_variable)
{
    expect(at_once("limit_rate $arg_r;", "/?r=1k", ""), 1024);
    cr_expect_eq(at_once("limit_rate $arg_r;", "/", ""), 3000);
    cr_expect_eq(at_once("limit_rate $arg_r;", "/?r=fast", ""), 3000);
    expect(at_once("limit_rate 500; limit_rate_after $arg_a;", "/?a=1000", ""), 1500);
}

Test(limit_rate, by_the_servers_word)
{
    expect(at_once("", "/", "X-Accel-Limit-Rate: 1000\r\n"), 1000);
    cr_expect_eq(at_once("limit_rate 100;", "/", "X-Accel-Limit-Rate: 0\r\n"), 3000);
    expect(at_once("limit_rate 1000;", "/", "X-Accel-Limit-Rate: off\r\n"), 1000);
}

Test(limit_rate, own_replies_too)
{
    struct rig rig;
    rig_open(&rig,
             "server { listen 10.0.0.1:80; limit_rate 4; location / { return 200 0123456789; } }");
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 200);
    expect(rig.seen.body_len, 4);
    rig_close(&rig);
}
