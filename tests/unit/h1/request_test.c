/* SPDX-License-Identifier: MIT */
/* Request heads: the ordinary ones, and every ambiguity that must be refused. */
#include "h1/rig.h"

#include <criterion/criterion.h>

struct sample {
    struct slice bytes;
    int verdict;
};
#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define HEAD(fields) BYTES("POST /x HTTP/1.1\r\nHost: a.test\r\n" fields "\r\n\r\n")
#define LINE(line)   BYTES(line "\r\nHost: a.test\r\n\r\n")
#define HOST(value)  BYTES("GET / HTTP/1.1\r\nHost:" value "\r\n\r\n")

static void check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            struct rig rig;
            struct http_request request;
            struct h1_head_facts facts;
            rig_open(&rig, samples[i].bytes, way);
            int verdict = rig_request(&rig, &rig_limits, &request, &facts);
            cr_expect_eq(verdict, samples[i].verdict, "sample %zu way %u: %d (%s), not %d: %.*s", i,
                         way, verdict, verdict < 0 ? error_token(verdict) : "-", samples[i].verdict,
                         SLICE_PRINTF(samples[i].bytes));
            rig_close(&rig);
        }
    }
}
#define CHECK(samples) check_all(samples, sizeof(samples) / sizeof(samples[0]))

Test(h1_request, request_lines)
{
    static const struct sample samples[] = {
        {LINE("GET / HTTP/1.1"), H1_DONE},
        {LINE("\r\n\r\nGET / HTTP/1.1"), H1_DONE},
        {LINE("\r\n\r\n\r\nGET / HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("M-SEARCH /x HTTP/1.1"), H1_DONE},
        {LINE("GET / HTTP/1.7"), H1_DONE},
        {LINE("GET / HTTP/1.1 "), ERROR_REQUEST_LINE},
        {LINE("GET  / HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET /  HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE(" GET / HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET\t/ HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET /\tHTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET /a\tb HTTP/1.1"), ERROR_TARGET},
        {LINE("GET /a b HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET / http/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1.10"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/11"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1,1"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1."), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1.x"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTPS/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/2.0"), ERROR_HTTP_VERSION},
        {LINE("GET / HTTP/0.9"), ERROR_HTTP_VERSION},
        {LINE("GET / HTTP/3.0"), ERROR_HTTP_VERSION},
        {LINE("GET /"), ERROR_REQUEST_LINE},
        {LINE("GET"), ERROR_REQUEST_LINE},
        {LINE("G@T / HTTP/1.1"), ERROR_REQUEST_LINE},
        {LINE("GET: / HTTP/1.1"), ERROR_REQUEST_LINE},
        {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERROR_HTTP_VERSION},
        {BYTES("\x16\x03\x01\x02\x00\x01\x00"), ERROR_REQUEST_LINE},
        {BYTES("GET / HT"), H1_MORE},
        {BYTES("GET / HTTP/1.1\r\nHost: a.test\r\n\r"), H1_MORE},
        {LINE("CONNECT a.test:443 HTTP/1.1"), ERROR_METHOD},
        {LINE("GET * HTTP/1.1"), ERROR_TARGET},
        {LINE("OPTIONS * HTTP/1.1"), H1_DONE},
        {LINE("OPTIONS *x HTTP/1.1"), ERROR_TARGET},
        {LINE("GET a HTTP/1.1"), ERROR_TARGET},
        {LINE("GET /a#b HTTP/1.1"), ERROR_TARGET},
        {LINE("GET ?x HTTP/1.1"), ERROR_TARGET},
        {LINE("GET ftp://a.test/ HTTP/1.1"), ERROR_TARGET},
        {LINE("GET http:///x HTTP/1.1"), ERROR_TARGET},
        {LINE("GET http://u:p@b.test/x HTTP/1.1"), ERROR_HOST},
        {LINE("GET http://b.test:x/ HTTP/1.1"), ERROR_HOST},
        {LINE("GET HTTP://b.test/ HTTP/1.1"), H1_DONE},
        {LINE("GET /\xc3\xa4|{} HTTP/1.1"), H1_DONE},
    };
    CHECK(samples);
}

/* Other protocols hear so by their first line, or byte. */
Test(h1_request, what_begins_none_is_refused_at_once)
{
    static const struct sample samples[] = {
        {BYTES("SSH-2.0-OpenSSH_9.2\r\n"), ERROR_REQUEST_LINE},
        {BYTES("HELO mail.test\r\n"), ERROR_REQUEST_LINE},
        {BYTES("QUIT\r\n"), ERROR_REQUEST_LINE},
        {BYTES("INVALID CONNECTION PREFACE\r\n"), ERROR_REQUEST_LINE},
        {BYTES("\r\n\r\nQUIT\r\n"), ERROR_REQUEST_LINE},
        {BYTES("{\"id\": 1"), ERROR_REQUEST_LINE},
        {BYTES("\x80\x90\xff"), ERROR_REQUEST_LINE},
        {BYTES(" "), ERROR_REQUEST_LINE},
        {BYTES("\r\n{"), ERROR_REQUEST_LINE},
        {BYTES("GET / HTTP/1.1\r\n"), H1_MORE},
        {BYTES("GET / HTTP/2.0\r\n"), H1_MORE},
        {BYTES("hello there"), H1_MORE},
    };
    CHECK(samples);
}

Test(h1_request, bare_line_ends_and_controls)
{
    static const struct sample samples[] = {
        {BYTES("GET / HTTP/1.1\nHost: a.test\n\n"), ERROR_REQUEST_LINE},
        {BYTES("GET / HTTP/1.1\r\nHost: a.test\n"), ERROR_FIELD},
        {BYTES("GET / HTTP/1.1\rHost: a.test\r\n\r\n"), ERROR_REQUEST_LINE},
        {BYTES("GET / HTTP/1.1\r\r\nHost: a.test\r\n\r\n"), ERROR_REQUEST_LINE},
        {BYTES("\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), ERROR_REQUEST_LINE},
        {BYTES("\r\rGET / HTTP/1.1\r\n"), ERROR_REQUEST_LINE},
        {HEAD("X: a\rb"), ERROR_FIELD},
        {HEAD("X: a\r\r\nY: b"), ERROR_FIELD},
        {HEAD("X: a\nY: b"), ERROR_FIELD},
        {HEAD("X: a\n\r\nY: b"), ERROR_FIELD},
        {HEAD("X: a\0b"), ERROR_FIELD},
        {HEAD("X\0: b"), ERROR_FIELD},
        {HEAD("X: a\x01"), ERROR_FIELD},
        {HEAD("X: a\x0b"), ERROR_FIELD},
        {HEAD("X: a\x7f"), ERROR_FIELD},
        {BYTES("GET /\0 HTTP/1.1\r\nHost: a.test\r\n\r\n"), ERROR_REQUEST_LINE},
        {BYTES("GET / HTTP/1.1\r\nHost: a.test\r\n\n"), ERROR_FIELD},
        {HEAD("X: \ta\tb \t"), H1_DONE},
        {HEAD("X: \xe4\xff\x80"), H1_DONE},
        {HEAD("X:"), H1_DONE},
    };
    CHECK(samples);
}

Test(h1_request, field_lines)
{
    static const struct sample samples[] = {
        {HEAD("X : a"), ERROR_FIELD},
        {HEAD("X\t: a"), ERROR_FIELD},
        {HEAD(": a"), ERROR_FIELD},
        {HEAD("X"), ERROR_FIELD},
        {HEAD("X y: a"), ERROR_FIELD},
        {HEAD("X: a\r\n folded"), ERROR_FIELD},
        {HEAD("X: a\r\n\tfolded"), ERROR_FIELD},
        {BYTES("GET / HTTP/1.1\r\n Host: a.test\r\n\r\n"), ERROR_FIELD},
        {HEAD("X\xe4: a"), ERROR_FIELD},
        {HEAD("X(: a"), ERROR_FIELD},
        {HEAD("\"X\": a"), ERROR_FIELD},
        {HEAD("Content-Length : 5"), ERROR_FIELD},
        {HEAD("!#$%&'*+-.^_`|~9: a"), H1_DONE},
    };
    CHECK(samples);
}

Test(h1_request, lengths)
{
    static const struct sample samples[] = {
        {HEAD("Content-Length: 5"), H1_DONE},
        {HEAD("Content-Length: \t 5 \t"), H1_DONE},
        {HEAD("Content-Length:0005"), H1_DONE},
        {HEAD("Content-Length: 9223372036854775807"), H1_DONE},
        {HEAD("Content-Length: 9223372036854775808"), ERROR_LENGTH},
        {HEAD("Content-Length: 18446744073709551621"), ERROR_LENGTH},
        {HEAD("Content-Length: 99999999999999999999999"), ERROR_LENGTH},
        {HEAD("Content-Length: +5"), ERROR_LENGTH},
        {HEAD("Content-Length: -5"), ERROR_LENGTH},
        {HEAD("Content-Length: 5,5"), ERROR_LENGTH},
        {HEAD("Content-Length: 5 5"), ERROR_LENGTH},
        {HEAD("Content-Length: 0x5"), ERROR_LENGTH},
        {HEAD("Content-Length: 5.0"), ERROR_LENGTH},
        {HEAD("Content-Length: 5a"), ERROR_LENGTH},
        {HEAD("Content-Length: \"5\""), ERROR_LENGTH},
        {HEAD("Content-Length:"), ERROR_LENGTH},
        {HEAD("Content-Length: 5\r\nContent-Length: 5"), ERROR_LENGTH},
        {HEAD("Content-Length: 5\r\ncontent-length: 6"), ERROR_LENGTH},
        {HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked\r\nContent-Length: 0"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked"), H1_DONE},
        {HEAD("transfer-encoding: CHUNKED"), H1_DONE},
        {HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: identity"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: xchunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked, chunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked, identity"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked;q=1"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: \"chunked\""), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: ,chunked"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: chunked,"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: \x0b"
              "chunked"),
         ERROR_FIELD},
        {HEAD("Transfer-Encoding:"), ERROR_LENGTH},
        {HEAD("Transfer-Encoding: gzip, chunked"), ERROR_CODING},
        {HEAD("Transfer-Encoding: identity, chunked"), ERROR_CODING},
        {BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ERROR_LENGTH},
    };
    CHECK(samples);
}

Test(h1_request, hosts)
{
    static const struct sample samples[] = {
        {HOST("a.test"), H1_DONE},
        {HOST(" A.Test:8443 "), H1_DONE},
        {HOST("a.test."), H1_DONE},
        {HOST("[2001:db8::1]:443"), H1_DONE},
        {HOST("192.0.2.1:"), H1_DONE},
        {HOST("a_b.test"), H1_DONE},
        {HOST(""), ERROR_HOST},
        {HOST(":80"), ERROR_HOST},
        {HOST("."), ERROR_HOST},
        {HOST("a.test.."), ERROR_HOST},
        {HOST("a..test"), ERROR_HOST},
        {HOST(".a.test"), ERROR_HOST},
        {HOST("a.test:65536"), ERROR_HOST},
        {HOST("a.test:000080"), ERROR_HOST},
        {HOST("a.test:+80"), ERROR_HOST},
        {HOST("a.test:80:80"), ERROR_HOST},
        {HOST("a.test:80x"), ERROR_HOST},
        {HOST("user@a.test"), ERROR_HOST},
        {HOST("user:pw@a.test"), ERROR_HOST},
        {HOST("a.test/x"), ERROR_HOST},
        {HOST("a.test?x"), ERROR_HOST},
        {HOST("a.test,b.test"), ERROR_HOST},
        {HOST("a.test b.test"), ERROR_HOST},
        {HOST("a.test\\x"), ERROR_HOST},
        {HOST("a%2etest"), ERROR_HOST},
        {HOST("\xe4.test"), ERROR_HOST},
        {HOST("[::1"), ERROR_HOST},
        {HOST("[::1]x"), ERROR_HOST},
        {HOST("[::g]"), ERROR_HOST},
        {HOST("[]"), ERROR_HOST},
        {HOST("[fe80::1%25eth0]"), ERROR_HOST},
        {HOST("::1"), ERROR_HOST},
        {BYTES("GET / HTTP/1.1\r\n\r\n"), ERROR_HOST},
        {BYTES("GET http://a.test/ HTTP/1.1\r\n\r\n"), ERROR_HOST},
        {BYTES("GET / HTTP/1.0\r\n\r\n"), H1_DONE},
        {BYTES("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), ERROR_HOST},
        {BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), ERROR_HOST},
        {BYTES("GET http://b/ HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), ERROR_HOST},
    };
    CHECK(samples);
}

static void read_one(struct rig *rig, const char *text, struct http_request *request,
                     struct h1_head_facts *facts)
{
    rig_open(rig, slice_of(text), 2);
    int verdict = rig_request(rig, &rig_limits, request, facts);
    cr_assert_eq(verdict, H1_DONE, "%d for %s", verdict, text);
}

#define expect_slice(actual, expected)                                                             \
    cr_expect(slice_equal(actual, slice_of(expected)), "'%.*s' is not '%s'", SLICE_PRINTF(actual), \
              expected)

Test(h1_request, parts)
{
    struct rig rig;
    struct http_request request;
    struct h1_head_facts facts;
    static const char text[] = "\r\nPUT /a%20b?x=1?2 HTTP/1.1\r\nHOST: A.Test.:443\r\n"
                               "Content-Length: 7\r\nX-One:  two \r\nConnection: close\r\n\r\n";
    read_one(&rig, text, &request, &facts);
    cr_expect_eq(request.method, METHOD_PUT);
    cr_expect_eq(request.version, HTTP_1_1);
    expect_slice(request.method_text, "PUT");
    expect_slice(request.target, "/a%20b?x=1?2");
    expect_slice(request.path, "/a%20b");
    expect_slice(request.query, "x=1?2");
    cr_expect(request.has_query);
    expect_slice(request.authority, "A.Test.:443");
    expect_slice(request.host, "a.test");
    cr_expect_eq(request.content_length, 7);
    cr_expect_eq(request.fields.count, 3);
    expect_slice(request.fields.items[1].value, "two");
    cr_expect_eq(facts.framing, H1_LENGTH);
    cr_expect_eq(facts.length, 7);
    cr_expect_not(facts.keep_alive);
    cr_expect_eq(facts.head_bytes, sizeof(text) - 1);
    rig_close(&rig);
}

Test(h1_request, absolute_form_overrules_host)
{
    struct rig rig;
    struct http_request request;
    struct h1_head_facts facts;
    read_one(&rig, "GET http://B.test:81?q HTTP/1.1\r\nHost: a.test\r\n\r\n", &request, &facts);
    expect_slice(request.target, "/?q");
    expect_slice(request.path, "/");
    expect_slice(request.query, "q");
    expect_slice(request.authority, "B.test:81");
    expect_slice(request.host, "b.test");
    expect_slice(http_fields_find(&request.fields, FIELD_HOST)->value, "B.test:81");
    rig_close(&rig);

    read_one(&rig, "OPTIONS http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n", &request, &facts);
    expect_slice(request.target, "*");
    rig_close(&rig);

    read_one(&rig, "GET https://b.test HTTP/1.0\r\n\r\n", &request, &facts);
    expect_slice(request.target, "/");
    expect_slice(request.host, "b.test");
    rig_close(&rig);
}

Test(h1_request, persistence)
{
    static const struct {
        const char *head;
        bool keep_alive;
    } samples[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rig rig;
        struct http_request request;
        struct h1_head_facts facts;
        read_one(&rig, samples[i].head, &request, &facts);
        cr_expect_eq(facts.keep_alive, samples[i].keep_alive, "%s", samples[i].head);
        rig_close(&rig);
    }
}

Test(h1_request, upgrades_and_expectations)
{
    static const struct {
        const char *head;
        const char *upgrade;
        bool expects;
    } samples[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
         "websocket\r\n\r\n",
         "websocket", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", "", false},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "",
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",
         "websocket", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\nUpgrade: tcp\r\n\r\n",
         "tcp", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo/1\r\n"
         "Content-Length: 0\r\n\r\n",
         "", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: SPDY/3.1\r\n"
         "Content-Length: 0\r\n\r\n",
         "SPDY/3.1", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n"
         "Content-Length: 3\r\n\r\n",
         "tcp", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n"
         "Transfer-Encoding: chunked\r\n\r\n",
         "tcp", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
         "Content-Length: 0\r\n\r\n",
         "", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n", "",
         true},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked"
         "\r\n\r\n",
         "", true},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", "",
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", "", false},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rig rig;
        struct http_request request;
        struct h1_head_facts facts;
        read_one(&rig, samples[i].head, &request, &facts);
        expect_slice(request.upgrade, samples[i].upgrade);
        cr_expect_eq(request.expects_continue, samples[i].expects, "%s", samples[i].head);
        rig_close(&rig);
    }
}

Test(h1_request, a_length_of_zero_that_was_sent_is_known)
{
    static const struct {
        const char *head;
        bool has_length;
    } samples[] = {
        {"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", false},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rig rig;
        struct http_request request;
        struct h1_head_facts facts;
        read_one(&rig, samples[i].head, &request, &facts);
        cr_expect_eq(request.has_length, samples[i].has_length, "%s", samples[i].head);
        rig_close(&rig);
    }
}

Test(h1_request, pipelined)
{
    struct rig rig;
    struct http_request request;
    struct h1_head_facts facts;
    read_one(
        &rig,
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\n"
        "Host: a\r\n\r\n",
        &request, &facts);
    expect_slice(request.target, "/1");
    cr_assert_eq(rig_request(&rig, &rig_limits, &request, &facts), H1_DONE);
    expect_slice(request.target, "/2");
    cr_assert_eq(rig_request(&rig, &rig_limits, &request, &facts), H1_DONE);
    expect_slice(request.target, "/3");
    cr_expect_eq(rig.in.len, 0);
    rig_close(&rig);
}
