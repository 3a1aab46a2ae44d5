/* SPDX-License-Identifier: MIT */
/* The limits of heads, and what they cost a peer that trickles. */
#include "h1/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_limits small = {.line_max = 40, .head_max = 120, .fields_max = 4};

static void check(const char *text, int expected)
{
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        struct rig rig;
        struct http_request request;
        struct h1_head_facts facts;
        rig_open(&rig, slice_of(text), way);
        int verdict = rig_request(&rig, &small, &request, &facts);
        cr_expect_eq(verdict, expected, "way %u: %d, not %d: %s", way, verdict, expected, text);
        rig_close(&rig);
    }
}

#define TEN "1234567890"

Test(h1_head, line_limits)
{
    /* A line of 40 bytes is taken, one of 41 is not; CRLF does not count. */
    check("GET /" TEN TEN "12345 HTTP/1.1\r\nHost: a\r\n\r\n", H1_DONE);
    check("GET /" TEN TEN TEN " HTTP/1.1\r\nHost: a\r\n\r\n", ERROR_TARGET_TOO_LONG);
    check("GET /" TEN TEN TEN TEN TEN, ERROR_TARGET_TOO_LONG);
    check("GET / HTTP/1.1\r\nHost: a\r\nX: " TEN TEN TEN "1234567\r\n\r\n", H1_DONE);
    check("GET / HTTP/1.1\r\nHost: a\r\nX: " TEN TEN TEN "12345678\r\n\r\n", ERROR_HEAD_TOO_LARGE);
    /* What comes first decides. */
    check("GET /" TEN TEN TEN TEN "\n", ERROR_TARGET_TOO_LONG);
    check("GET /" TEN TEN "\n" TEN TEN, ERROR_REQUEST_LINE);
}

Test(h1_head, head_limits)
{
    check("GET / HTTP/1.1\r\nHost: a\r\nX: " TEN TEN TEN "\r\nY: " TEN TEN TEN
          "\r\nZ: 123456789012345678\r\n\r\n",
          H1_DONE);
    check("GET / HTTP/1.1\r\nHost: a\r\nX: " TEN TEN TEN "\r\nY: " TEN TEN TEN "\r\nZ: " TEN
          "123456789\r\n\r\n",
          ERROR_HEAD_TOO_LARGE);
    check("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n", H1_DONE);
    check("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\n\r\n",
          ERROR_HEAD_TOO_LARGE);
}

Test(h1_head, refused_while_it_comes)
{
    /* Endless fields are refused at the limit, not when they end. */
    struct rig rig;
    struct http_request request;
    struct h1_head_facts facts;
    struct h1_head_reader reader = {0};
    rig_open(&rig, SLICE(""), 0);
    chain_append_slice(&rig.in, SLICE("GET / HTTP/1.1\r\n"));
    int verdict = H1_MORE;
    while (verdict == H1_MORE && rig.in.len < 100000) {
        chain_append_slice(&rig.in, SLICE("X: 1234567890123456\r\n"));
        verdict = h1_read_request(&reader, &rig.in, &small,
                                  &(struct h1_request_sink){&rig.arena, &request, &facts});
    }
    cr_expect_eq(verdict, ERROR_HEAD_TOO_LARGE);
    cr_expect_leq(rig.in.len, small.head_max + 21);
    rig_close(&rig);
}

Test(h1_head, spans_buffers)
{
    /* A head larger than a buffer, whose lines cross the border. */
    static char text[30000];
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 0; len < 25000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "X-%u: %0*u\r\n", i, 500, i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\nbody");
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        struct rig rig;
        struct http_request request;
        struct h1_head_facts facts;
        rig_open(&rig, (struct slice){text, len}, way);
        cr_assert_eq(rig_request(&rig, &rig_limits, &request, &facts), H1_DONE);
        cr_expect_eq(facts.head_bytes, len - 4);
        cr_expect_gt(request.fields.count, 40);
        for (uint32_t i = 1; i < request.fields.count; i++) {
            struct slice value = request.fields.items[i].value;
            cr_expect_eq(value.len, 500);
            cr_expect_eq(strtoul(arena_text(&rig.arena, value), NULL, 10), i - 1);
        }
        rig_close(&rig);
    }
}
