/* SPDX-License-Identifier: MIT */
/* What is written is exactly one message, and reads back as what was meant. */
#include "h1/rig.h"

#include <criterion/criterion.h>

/* 1994-11-06 08:49:37, the example of RFC 9110 */
#define NOW  784111777
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

#define expect_text(rig, chain, expected)                                                          \
    do {                                                                                           \
        struct slice text_ = rig_text(rig, chain);                                                 \
        cr_expect(slice_equal(text_, slice_of(expected)), "'%.*s' is not '%s'",                    \
                  SLICE_PRINTF(text_), expected);                                                  \
    } while (0)

static struct http_request make_request(struct rig *rig, const char *method, int64_t length)
{
    struct http_request request = {
        .method_text = slice_of(method),
        .method = http_method_lookup(slice_of(method)),
        .target = SLICE("/a?b"),
        .authority = SLICE("a.test:81"),
        .content_length = length,
    };
    http_fields_init(&request.fields, &rig->arena);
    return request;
}

Test(h1_write, a_length_of_zero_that_came_is_kept)
{
    static const char *const methods[] = {"GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct rig rig;
        rig_open(&rig, SLICE(""), 0);
        struct http_request request = make_request(&rig, methods[i], 0);
        request.has_length = true;
        cr_expect_eq(h1_write_request(&rig.out, &request), H1_NO_BODY);
        struct slice expected = arena_printf(&rig.arena,
                                             "%s /a?b HTTP/1.1\r\nHost: a.test:81\r\n"
                                             "Content-Length: 0\r\n\r\n",
                                             methods[i]);
        expect_text(&rig, &rig.out, expected.data);
        rig_close(&rig);
    }
}

Test(h1_write, request_framing)
{
    static const struct {
        const char *method;
        int64_t length;
        enum h1_framing framing;
        const char *text;
    } samples[] = {
        {"GET", 0, H1_NO_BODY, ""},
        {"DELETE", 0, H1_NO_BODY, ""},
        {"FOO", 0, H1_NO_BODY, ""},
        {"POST", 0, H1_NO_BODY, "Content-Length: 0\r\n"},
        {"PUT", 0, H1_NO_BODY, "Content-Length: 0\r\n"},
        {"PATCH", 0, H1_NO_BODY, "Content-Length: 0\r\n"},
        {"GET", 7, H1_LENGTH, "Content-Length: 7\r\n"},
        {"POST", INT64_MAX, H1_LENGTH, "Content-Length: 9223372036854775807\r\n"},
        {"POST", HTTP_LENGTH_UNKNOWN, H1_CHUNKED, "Transfer-Encoding: chunked\r\n"},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rig rig;
        rig_open(&rig, SLICE(""), 0);
        struct http_request request = make_request(&rig, samples[i].method, samples[i].length);
        cr_expect_eq(h1_write_request(&rig.out, &request), samples[i].framing);
        struct slice expected =
            arena_printf(&rig.arena, "%s /a?b HTTP/1.1\r\nHost: a.test:81\r\n%s\r\n",
                         samples[i].method, samples[i].text);
        expect_text(&rig, &rig.out, expected.data);
        rig_close(&rig);
    }
}

Test(h1_write, request_fields)
{
    struct rig rig;
    rig_open(&rig, SLICE(""), 0);
    struct http_request request = make_request(&rig, "GET", 0);
    request.target = SLICE("/a b\r\nX: y");
    request.upgrade = SLICE("websocket");
    http_fields_add(&request.fields, SLICE("hoST"), SLICE("other"));
    http_fields_add(&request.fields, SLICE("X-One"), SLICE("1"));
    http_fields_add(&request.fields, SLICE("X-Empty"), SLICE(""));
    http_fields_add(&request.fields, SLICE("X-Split"), SLICE("a\r\nContent-Length: 5"));
    http_fields_add(&request.fields, SLICE("X-Line"), SLICE("a\nb"));
    http_fields_add(&request.fields, SLICE("X-Nul"), SLICE("a\0b"));
    http_fields_add(&request.fields, SLICE("X\r\nY"), SLICE("a"));
    http_fields_add(&request.fields, SLICE(""), SLICE("a"));
    http_fields_add(&request.fields, SLICE("Content-Length"), SLICE("5"));
    http_fields_add(&request.fields, SLICE("Transfer-Encoding"), SLICE("chunked"));
    http_fields_add(&request.fields, SLICE("Connection"), SLICE("close"));
    http_fields_add(&request.fields, SLICE("TE"), SLICE("trailers"));
    http_fields_add(&request.fields, SLICE("expect"), SLICE("100-continue"));
    h1_write_request(&rig.out, &request);
    expect_text(&rig, &rig.out,
                "GET /a%20b%0D%0AX:%20y HTTP/1.1\r\nHost: a.test:81\r\nX-One: 1\r\nX-Empty: \r\n"
                "expect: 100-continue\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    rig_close(&rig);
}

Test(h1_write, large_head_spans_buffers)
{
    static char value[7000];
    struct rig rig;
    struct http_request back;
    struct h1_head_facts facts;
    memset(value, 'v', sizeof(value));
    rig_open(&rig, SLICE(""), 0);
    struct http_request request = make_request(&rig, "POST", HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 4; i++)
        http_fields_add(&request.fields, SLICE("X"), (struct slice){value, sizeof(value)});
    h1_write_request(&rig.in, &request);
    cr_assert_eq(rig_request(&rig, &rig_limits, &back, &facts), H1_DONE);
    cr_expect_eq(facts.framing, H1_CHUNKED);
    cr_assert_eq(back.fields.count, 5);
    for (uint32_t i = 1; i < 5; i++)
        cr_expect(slice_equal(back.fields.items[i].value, (struct slice){value, sizeof(value)}));
    rig_close(&rig);
}

struct answer {
    int status;
    int64_t length;
    bool has_body;
    enum http_version version;
    enum http_method method;
    bool keep_alive;
    enum h1_framing framing;
    const char *text; /* behind the status line and Date */
};

Test(h1_write, response_framing)
{
    static const struct answer answers[] = {
        {200, 5, true, HTTP_1_1, METHOD_GET, true, H1_LENGTH, "Content-Length: 5\r\n\r\n"},
        {200, 5, true, HTTP_1_1, METHOD_GET, false, H1_LENGTH,
         "Content-Length: 5\r\nConnection: close\r\n\r\n"},
        {200, 5, true, HTTP_1_0, METHOD_GET, true, H1_LENGTH,
         "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"},
        {200, 0, true, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "Content-Length: 0\r\n\r\n"},
        {200, -1, true, HTTP_1_1, METHOD_GET, true, H1_CHUNKED,
         "Transfer-Encoding: chunked\r\n\r\n"},
        {200, -1, true, HTTP_1_0, METHOD_GET, true, H1_UNTIL_CLOSE, "Connection: close\r\n\r\n"},
        {200, 5, true, HTTP_1_1, METHOD_HEAD, true, H1_NO_BODY, "Content-Length: 5\r\n\r\n"},
        {200, 0, false, HTTP_1_1, METHOD_HEAD, true, H1_NO_BODY, "Content-Length: 0\r\n\r\n"},
        {200, -1, false, HTTP_1_1, METHOD_HEAD, true, H1_NO_BODY, "\r\n"},
        {304, 5, false, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "Content-Length: 5\r\n\r\n"},
        {304, 0, false, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "\r\n"},
        {304, -1, false, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "\r\n"},
        {204, 0, false, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "\r\n"},
        {204, 5, true, HTTP_1_1, METHOD_GET, true, H1_NO_BODY, "\r\n"},
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct answer *answer = &answers[i];
        struct rig rig;
        rig_open(&rig, SLICE(""), 0);
        struct http_response response = {.status = answer->status,
                                         .reason = SLICE("R"),
                                         .content_length = answer->length,
                                         .has_body = answer->has_body};
        struct h1_response_options options = {answer->version, answer->method, answer->keep_alive};
        http_fields_init(&response.fields, &rig.arena);
        cr_expect_eq(h1_write_response(&rig.out, &response, &options, NOW), answer->framing, "%zu",
                     i);
        struct slice expected =
            arena_printf(&rig.arena, "HTTP/1.1 %d R\r\n" DATE "%s", answer->status, answer->text);
        expect_text(&rig, &rig.out, expected.data);
        rig_close(&rig);
    }
}

Test(h1_write, interim_responses)
{
    struct rig rig;
    rig_open(&rig, SLICE(""), 0);
    struct http_response response = {.status = 103, .reason = SLICE("Early Hints")};
    struct h1_response_options options = {HTTP_1_0, METHOD_GET, true};
    http_fields_init(&response.fields, &rig.arena);
    http_fields_add(&response.fields, SLICE("Link"), SLICE("</a>"));
    cr_expect_eq(h1_write_response(&rig.out, &response, &options, NOW), H1_NO_BODY);
    cr_expect_eq(rig.out.len, 0, "HTTP/1.0 knows no 1xx");
    options.version = HTTP_1_1;
    cr_expect_eq(h1_write_response(&rig.out, &response, &options, NOW), H1_NO_BODY);
    expect_text(&rig, &rig.out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    rig_close(&rig);
}

Test(h1_write, switching_protocols)
{
    struct rig rig;
    rig_open(&rig, SLICE(""), 0);
    struct http_response response = {.status = 101, .reason = SLICE("Switching Protocols")};
    struct h1_response_options options = {HTTP_1_1, METHOD_GET, true};
    http_fields_init(&response.fields, &rig.arena);
    http_fields_add(&response.fields, SLICE("Connection"), SLICE("Upgrade, x"));
    http_fields_add(&response.fields, SLICE("Upgrade"), SLICE("websocket"));
    http_fields_add(&response.fields, SLICE("Sec-WebSocket-Accept"), SLICE("x="));
    h1_write_response(&rig.out, &response, &options, NOW);
    expect_text(&rig, &rig.out,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Accept: x=\r\nConnection: upgrade\r\n\r\n");
    rig_close(&rig);
}

Test(h1_write, an_empty_reason_is_filled_in)
{
    static const struct {
        int status;
        const char *reason;
        const char *line;
    } samples[] = {
        {200, "", "HTTP/1.1 200 OK\r\n"},
        {404, "", "HTTP/1.1 404 Not Found\r\n"},
        {200, "Fine", "HTTP/1.1 200 Fine\r\n"},
        {299, "", "HTTP/1.1 299 \r\n"},
        {799, "", "HTTP/1.1 799 \r\n"},
        {103, "", "HTTP/1.1 103 Early Hints\r\n"},
        {101, "", "HTTP/1.1 101 Switching Protocols\r\n"},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rig rig;
        rig_open(&rig, SLICE(""), 0);
        struct http_response response = {.status = samples[i].status,
                                         .reason = slice_of(samples[i].reason)};
        struct h1_response_options options = {HTTP_1_1, METHOD_GET, true};
        http_fields_init(&response.fields, &rig.arena);
        h1_write_response(&rig.out, &response, &options, NOW);
        cr_expect(slice_starts_with(rig_text(&rig, &rig.out), slice_of(samples[i].line)), "%s",
                  samples[i].line);
        rig_close(&rig);
    }
}

Test(h1_write, response_fields)
{
    struct rig rig;
    rig_open(&rig, SLICE(""), 0);
    struct http_response response = {.status = 200, .reason = SLICE("O\r\nK"), .has_body = true};
    struct h1_response_options options = {HTTP_1_1, METHOD_GET, true};
    http_fields_init(&response.fields, &rig.arena);
    http_fields_add(&response.fields, SLICE("date"), SLICE("then"));
    http_fields_add(&response.fields, SLICE("Location"), SLICE("/a\r\nSet-Cookie: x"));
    http_fields_add(&response.fields, SLICE("Keep-Alive"), SLICE("timeout=5"));
    http_fields_add(&response.fields, SLICE("content-length"), SLICE("77"));
    h1_write_response(&rig.out, &response, &options, NOW);
    expect_text(&rig, &rig.out, "HTTP/1.1 200 OK\r\ndate: then\r\nContent-Length: 0\r\n\r\n");
    rig_close(&rig);
}

Test(h1_write, bodies)
{
    struct rig rig;
    struct chain body;
    struct http_fields trailers;
    rig_open(&rig, SLICE(""), 0);
    chain_init(&body, &rig.pool);
    http_fields_init(&trailers, &rig.arena);
    http_fields_add(&trailers, SLICE("grpc-status"), SLICE("0"));
    http_fields_add(&trailers, SLICE("Content-Length"), SLICE("0"));
    http_fields_add(&trailers, SLICE("X-Split"), SLICE("\r\n\r\nGET"));

    h1_write_body(&rig.out, &body, H1_CHUNKED);
    cr_expect_eq(rig.out.len, 0, "no bytes are no chunk: it would be the last one");
    chain_append_slice(&body, SLICE("hello world, hello"));
    h1_write_body(&rig.out, &body, H1_CHUNKED);
    h1_write_end(&rig.out, H1_CHUNKED, &trailers);
    h1_write_end(&rig.out, H1_CHUNKED, NULL);
    expect_text(&rig, &rig.out, "12\r\nhello world, hello\r\n0\r\ngrpc-status: 0\r\n\r\n0\r\n\r\n");
    chain_clear(&rig.out);

    chain_append_slice(&body, SLICE("hello"));
    h1_write_body(&rig.out, &body, H1_LENGTH);
    h1_write_end(&rig.out, H1_LENGTH, &trailers);
    expect_text(&rig, &rig.out, "hello");
    chain_append_slice(&body, SLICE(" you"));
    h1_write_body(&rig.out, &body, H1_UNTIL_CLOSE);
    expect_text(&rig, &rig.out, "hello you");
    chain_append_slice(&body, SLICE("for HEAD"));
    h1_write_body(&rig.out, &body, H1_NO_BODY);
    expect_text(&rig, &rig.out, "hello you");
    cr_expect_eq(body.len, 0);
    rig_close(&rig);
}

Test(h1_write, chunks_read_back)
{
    static char data[40000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 31 >> 3);
    struct rig rig;
    struct chain body;
    struct http_fields trailers;
    struct h1_head_facts facts = {.framing = H1_CHUNKED};
    rig_open(&rig, SLICE(""), 0);
    chain_init(&body, &rig.pool);
    for (size_t at = 0, step = 1; at < sizeof(data); at += step, step = step * 3 + 1) {
        if (step > sizeof(data) - at)
            step = sizeof(data) - at;
        chain_append(&body, data + at, step);
        h1_write_body(&rig.in, &body, H1_CHUNKED);
    }
    h1_write_end(&rig.in, H1_CHUNKED, NULL);
    cr_assert_eq(rig_body(&rig, &rig_limits, &facts, 5000, &trailers), H1_DONE);
    cr_expect(slice_equal(rig_text(&rig, &rig.out), (struct slice){data, sizeof(data)}));
    cr_expect_eq(rig.in.len, 0);
    rig_close(&rig);
}
