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

/* What $limit_rate says of an answer of the server. */
static const char *told(const char *inside, const char *more)
{
    static char value[64];
    struct rig rig;
    char text[256];
    snprintf(text, sizeof(text), "%s add_header X-V $limit_rate; proxy_pass http://127.0.0.1:9000;",
             inside);
    rig_open_location(&rig, text);
    rig_get(&rig, "/?r=1m", "");
    snprintf(text, sizeof(text), ANSWER "%s\r\n", more);
    rig_answer(&rig, text);
    snprintf(value, sizeof(value), "%s", rig_returned(&rig, "x-v"));
    rig_close(&rig);
    return value;
}

Test(limit_rate, its_variable)
{
    cr_expect_str_eq(told("", ""), "0");
    cr_expect_str_eq(told("limit_rate 2k;", ""), "2048");
    cr_expect_str_eq(told("limit_rate $arg_r;", ""), "1048576");
    cr_expect_str_eq(told("limit_rate 2k;", "X-Accel-Limit-Rate: 5\r\n"), "5");
    cr_expect_str_eq(told("limit_rate 2k;", "X-Accel-Limit-Rate: 0\r\n"), "0");
    cr_expect_str_eq(told("limit_rate $limit_rate;", ""), "0", "what is made of itself ends");
}

Test(limit_rate, its_variable_before_the_response)
{
    struct rig rig;
    rig_open_location(&rig, "limit_rate 2k; proxy_set_header X-V $limit_rate;"
                            "proxy_pass http://127.0.0.1:9000;");
    rig_get(&rig, "/", "");
    cr_expect_str_eq(rig_forwarded(&rig, "x-v"), "2048");
    rig_close(&rig);
}
