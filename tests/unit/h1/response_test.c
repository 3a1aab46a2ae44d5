/* SPDX-License-Identifier: MIT */
/* Response heads: what servers really send, and what must not be believed. */
#include "h1/rig.h"

#include <criterion/criterion.h>

struct sample {
    struct slice bytes;
    enum http_method method;
    int verdict;
    enum h1_framing framing;
    int64_t content_length;
    bool has_body;
    bool keep_alive;
};
#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define GOOD(head, method, framing, length, has_body, keep)                                        \
    {                                                                                              \
        BYTES(head), METHOD_##method, H1_DONE, H1_##framing, length, has_body, keep                \
    }
#define BAD(head)                                                                                  \
    {                                                                                              \
        BYTES(head), METHOD_GET, ERROR_RESPONSE, H1_NO_BODY, 0, false, false                       \
    }
#define OK      "HTTP/1.1 200 OK\r\n"
#define UNKNOWN HTTP_LENGTH_UNKNOWN

static void check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &samples[i];
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            struct rig rig;
            struct http_response response;
            struct h1_head_facts facts;
            rig_open(&rig, sample->bytes, way);
            int verdict = rig_response(&rig, &rig_limits, sample->method, &response, &facts);
            cr_expect_eq(verdict, sample->verdict, "way %u: %d: %.*s", way, verdict,
                         SLICE_PRINTF(sample->bytes));
            if (verdict == H1_DONE && sample->verdict == H1_DONE) {
                cr_expect_eq(facts.framing, sample->framing, "%.*s", SLICE_PRINTF(sample->bytes));
                cr_expect_eq(response.content_length, sample->content_length, "%.*s",
                             SLICE_PRINTF(sample->bytes));
                cr_expect_eq(response.has_body, sample->has_body, "%.*s",
                             SLICE_PRINTF(sample->bytes));
                cr_expect_eq(facts.keep_alive, sample->keep_alive, "%.*s",
                             SLICE_PRINTF(sample->bytes));
            }
            rig_close(&rig);
        }
    }
}
#define CHECK(samples) check_all(samples, sizeof(samples) / sizeof(samples[0]))

Test(h1_response, framing)
{
    static const struct sample samples[] = {
        GOOD(OK "Content-Length: 5\r\n\r\n", GET, LENGTH, 5, true, true),
        GOOD(OK "Content-Length: 0\r\n\r\n", GET, NO_BODY, 0, true, true),
        GOOD(OK "Transfer-Encoding: Chunked\r\n\r\n", GET, CHUNKED, UNKNOWN, true, true),
        GOOD(OK "\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        GOOD("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", GET, LENGTH, 5, true, false),
        GOOD("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", GET, LENGTH,
             5, true, true),
        GOOD(OK "Connection: close\r\nContent-Length: 5\r\n\r\n", GET, LENGTH, 5, true, false),
        GOOD(OK "Content-Length: 5\r\n\r\n", HEAD, NO_BODY, 5, false, true),
        GOOD(OK "Transfer-Encoding: chunked\r\n\r\n", HEAD, NO_BODY, UNKNOWN, false, true),
        GOOD(OK "\r\n", HEAD, NO_BODY, UNKNOWN, false, true),
        GOOD("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", GET, NO_BODY, 9, false,
             true),
        GOOD("HTTP/1.1 304 Not Modified\r\n\r\n", GET, NO_BODY, UNKNOWN, false, true),
        GOOD("HTTP/1.1 204 No Content\r\n\r\n", GET, NO_BODY, 0, false, true),
        GOOD("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", GET, NO_BODY, 0, false, true),
        GOOD("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", GET, NO_BODY, 0, false, false),
        GOOD("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", GET, NO_BODY, 0, false, false),
        GOOD("HTTP/1.1 100 Continue\r\n\r\n", GET, NO_BODY, 0, false, true),
        GOOD("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n", GET, NO_BODY, 0,
             false, true),
        GOOD("HTTP/1.1 101 X\r\nTransfer-Encoding: chunked\r\n\r\n", GET, NO_BODY, 0, false, true),
        GOOD("HTTP/1.1 101 X\r\nContent-Length: 0\r\nUpgrade: tcp\r\n\r\n", POST, NO_BODY, 0, false,
             true),
        GOOD("HTTP/1.1 101 X\r\nContent-Length: 5\r\nContent-Length: x\r\n"
             "Transfer-Encoding: gzip\r\n\r\n",
             GET, NO_BODY, 0, false, true),
        BAD("HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BAD("HTTP/1.1 100 X\r\nContent-Length: 3\r\n\r\n"),
        BAD(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        GOOD(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", GET, LENGTH, 5, true, true),
        GOOD(OK "Content-Length : 5\r\nContent-Length: 5\r\n\r\n", GET, LENGTH, 5, true, true),
        GOOD(OK "Content-Length: 5, 05,5\r\n\r\n", GET, LENGTH, 5, true, true),
        BAD(OK "Content-Length: 5, 6\r\n\r\n"),
        BAD(OK "Content-Length: ,\r\n\r\n"),
        BAD(OK "Content-Length: 5 5\r\n\r\n"),
        BAD(OK "Content-Length: 5, x\r\n\r\n"),
        BAD(OK "Content-Length: 99999999999999999999\r\n\r\n"),
        BAD(OK "Content-Length : 5\r\nContent-Length: 6\r\n\r\n"),
        BAD(OK "Content-Length: 5\r\nContent-Length: 6\r\nContent-Length: 6\r\n\r\n"),
        BAD(OK "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n"),
        BAD(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        BAD(OK "Content-Length: -1\r\n\r\n"),
        BAD(OK "Content-Length:\r\n\r\n"),
        BAD(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"),
        BAD(OK "Transfer-Encoding: identity\r\n\r\n"),
        BAD(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        GOOD("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", GET, CHUNKED, UNKNOWN, true,
             false),
        GOOD("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", GET,
             CHUNKED, UNKNOWN, true, false),
        BAD("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        GOOD("HTTP/1.1 304 X\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", GET, NO_BODY, 5,
             false, true),
    };
    CHECK(samples);
}

Test(h1_response, status_lines)
{
    static const struct sample samples[] = {
        GOOD("HTTP/1.1 200 \r\n\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        GOOD("HTTP/1.1 200\r\n\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        GOOD("HTTP/1.1 599 T\xc3\xa4st it\tall\r\n\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        BAD("HTTP/1.1 099 OK\r\n\r\n"),
        GOOD("HTTP/1.1 600 OK\r\n\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        GOOD("HTTP/1.1 999\r\nContent-Length: 5\r\n\r\n", GET, LENGTH, 5, true, true),
        BAD("HTTP/1.1 000 OK\r\n\r\n"),
        BAD("HTTP/1.1 1000 OK\r\n\r\n"),
        BAD("HTTP/1.1 20 OK\r\n\r\n"),
        BAD("HTTP/1.1 2000 OK\r\n\r\n"),
        BAD("HTTP/1.1 200OK\r\n\r\n"),
        GOOD("HTTP/1.1 \t200  OK \r\n\r\n", GET, UNTIL_CLOSE, UNKNOWN, true, false),
        BAD("HTTP/1.1 20 0\r\n\r\n"),
        BAD(" HTTP/1.1 200 OK\r\n\r\n"),
        BAD("HTTP/1.1 +20 OK\r\n\r\n"),
        GOOD("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", GET, NO_BODY, 0, true, true),
        BAD("HTTP/1.x 200 OK\r\n\r\n"),
        BAD("HTTP/1.11 200 OK\r\n\r\n"),
        BAD("HTTP/2 200 OK\r\n\r\n"),
        BAD("http/1.1 200 OK\r\n\r\n"),
        BAD("ICY 200 OK\r\n\r\n"),
        BAD("\r\nHTTP/1.1 200 OK\r\n\r\n"),
        BAD("SSH-2.0-OpenSSH\r\n\r\n"),
        BAD("\x15\x03\x01\x00\x02\x02\x16"),
        BAD("HTTP/1.1 200 OK\n\n"),
    };
    CHECK(samples);
}

Test(h1_response, fields)
{
    static const struct sample samples[] = {
        BAD(OK ": a\r\n\r\n"),        BAD(OK " : a\r\n\r\n"),       BAD(OK "X: a\r\n b\r\n\r\n"),
        BAD(OK "X: a\nY: b\r\n\r\n"), BAD(OK "X: a\rY: b\r\n\r\n"), BAD(OK "X: a\0b\r\n\r\n"),
        BAD(OK "nonsense\r\n\r\n"),   BAD(OK " X: a\r\n\r\n"),      BAD(OK "X Y: a\r\n\r\n"),
        BAD(OK "X \r\n\r\n"),
    };
    CHECK(samples);
}

Test(h1_response, white_space_before_a_colon_is_removed)
{
    struct rig rig;
    struct http_response response;
    struct h1_head_facts facts;
    rig_open(&rig, slice_of(OK "X : a\r\nY\t \t: b : c\r\nContent-Length : 2\r\n\r\n"), 1);
    cr_assert_eq(rig_response(&rig, &rig_limits, METHOD_GET, &response, &facts), H1_DONE);
    cr_expect_eq(response.content_length, 2);
    cr_assert_eq(response.fields.count, 2);
    cr_expect(slice_equal(response.fields.items[0].name, SLICE("X")));
    cr_expect(slice_equal(response.fields.items[0].value, SLICE("a")));
    cr_expect(slice_equal(response.fields.items[1].name, SLICE("Y")));
    cr_expect(slice_equal(response.fields.items[1].value, SLICE("b : c")));
    rig_close(&rig);
}

Test(h1_response, limits)
{
    struct h1_limits limits = {.line_max = 30, .head_max = 64, .fields_max = 2};
    static const char *const heads[] = {
        OK "X: 1234567890123456789012345678901234567890\r\n\r\n",
        OK "X: 12345678901234567890\r\nY: 12345678901234567890\r\n\r\n",
        OK "X: 1\r\nX: 2\r\nX: 3\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            struct rig rig;
            struct http_response response;
            struct h1_head_facts facts;
            rig_open(&rig, slice_of(heads[i]), way);
            cr_expect_eq(rig_response(&rig, &limits, METHOD_GET, &response, &facts),
                         ERROR_RESPONSE_TOO_LARGE, "%s", heads[i]);
            rig_close(&rig);
        }
    }
}

Test(h1_response, interim_then_final)
{
    struct rig rig;
    struct http_response response;
    struct h1_head_facts facts;
    rig_open(&rig,
             slice_of("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK
                      "Content-Length: 2\r\nDate: x\r\n\r\nhi"),
             1);
    cr_assert_eq(rig_response(&rig, &rig_limits, METHOD_GET, &response, &facts), H1_DONE);
    cr_expect_eq(response.status, 103);
    cr_expect_eq(response.fields.count, 1);
    cr_assert_eq(rig_response(&rig, &rig_limits, METHOD_GET, &response, &facts), H1_DONE);
    cr_expect_eq(response.status, 200);
    cr_expect(slice_equal(response.reason, SLICE("OK")));
    cr_expect_eq(response.fields.count, 1, "Content-Length is not among the fields");
    rig_close(&rig);
}
