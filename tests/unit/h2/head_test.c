/* SPDX-License-Identifier: MIT */
/* Malformed heads from a client or a server reach nobody: the stream is reset. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(head, .init = rig_start_server, .fini = rig_stop);

/* name-value pairs of one request; NULL at the end. */
struct request_case {
    const char *what;
    struct {
        const char *name;
        const char *value;
    } fields[8];
};

#define GET                                                                                        \
    {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"},                            \
    {                                                                                              \
        ":path", "/"                                                                               \
    }
#define POST                                                                                       \
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a.test"},                           \
    {                                                                                              \
        ":path", "/"                                                                               \
    }
#define NO_URL                                                                                     \
    {":method", "GET"}, {":scheme", "https"},                                                      \
    {                                                                                              \
        ":authority", "a.test"                                                                     \
    }

static const struct request_case malformed[] = {
    {"CR in a value", {GET, {"x", "a\rb"}}},
    {"LF in a value", {GET, {"x", "a\nb"}}},
    {"CR LF in a value", {GET, {"x", "a\r\nhost: b"}}},
    {"control byte in a value", {GET, {"x", "a\001b"}}},
    {"DEL in a value", {GET, {"x", "a\177b"}}},
    {"leading space in a value", {GET, {"x", " a"}}},
    {"trailing space in a value", {GET, {"x", "a "}}},
    {"trailing tab in a value", {GET, {"x", "a\t"}}},
    {"CR LF in a name", {GET, {"x\r\ny", "a"}}},
    {"space in a name", {GET, {"x y", "a"}}},
    {"colon in a name", {GET, {"x:", "a"}}},
    {"upper case in a name", {GET, {"X-Y", "a"}}},
    {"empty name", {GET, {"", "a"}}},
    {"byte above 0x7f in a name", {GET, {"x\200", "a"}}},
    {"LF in :path", {NO_URL, {":path", "/\nx"}}},
    {"CR LF in :path", {NO_URL, {":path", "/ HTTP/1.1\r\nhost: b"}}},
    {"space in :path", {NO_URL, {":path", "/ x"}}},
    {"fragment in :path", {NO_URL, {":path", "/x#y"}}},
    {"control byte in :path", {NO_URL, {":path", "/\001"}}},
    {"DEL in :path", {NO_URL, {":path", "/\177"}}},
    {"empty :path", {NO_URL, {":path", ""}}},
    {":path without slash", {NO_URL, {":path", "x"}}},
    {"absolute :path", {NO_URL, {":path", "http://b.test/"}}},
    {"asterisk without OPTIONS", {NO_URL, {":path", "*"}}},
    {"no :path", {NO_URL}},
    {"two :path", {GET, {":path", "/"}}},
    {"no :method", {{":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}}},
    {"two :method", {{":method", "GET"}, GET}},
    {"CR LF in :method", {{":method", "GET\r\n"}, {":scheme", "https"}, {":path", "/"}}},
    {"space in :method",
     {{":method", "GET /x"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}},
    {"empty :method", {{":method", ""}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}},
    {"no :scheme", {{":method", "GET"}, {":authority", "a.test"}, {":path", "/"}}},
    {"unknown :scheme",
     {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "a.test"}, {":path", "/"}}},
    {"CR LF in :scheme",
     {{":method", "GET"}, {":scheme", "https\r\n"}, {":authority", "a.test"}, {":path", "/"}}},
    {"CR LF in :authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a\r\nx: y"}}},
    {"user in :authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "u@a.test"}}},
    {"space in :authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a b"}}},
    {"empty :authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", ""}}},
    {"bad port in :authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a:99999"}}},
    {"neither :authority nor host", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}},
    {"two :authority", {GET, {":authority", "a.test"}}},
    {"host other than :authority", {GET, {"host", "b.test"}}},
    {"two host", {GET, {"host", "a.test"}, {"host", "a.test"}}},
    {"unknown pseudo-header", {GET, {":foo", "a"}}},
    {":status in a request", {GET, {":status", "200"}}},
    {"pseudo-header behind a field",
     {{":method", "GET"}, {"x", "y"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}},
    {"connection", {GET, {"connection", "close"}}},
    {"keep-alive", {GET, {"keep-alive", "1"}}},
    {"proxy-connection", {GET, {"proxy-connection", "close"}}},
    {"transfer-encoding", {GET, {"transfer-encoding", "chunked"}}},
    {"upgrade", {GET, {"upgrade", "websocket"}}},
    {"te other than trailers", {GET, {"te", "gzip"}}},
    {"te of two", {GET, {"te", "trailers, gzip"}}},
    {"two content-length", {POST, {"content-length", "0"}, {"content-length", "0"}}},
    {"content-length with END_STREAM", {POST, {"content-length", "5"}}},
    {"negative content-length", {POST, {"content-length", "-1"}}},
    {"content-length with a sign", {POST, {"content-length", "+0"}}},
    {"content-length list", {POST, {"content-length", "0, 0"}}},
    {"empty content-length", {POST, {"content-length", ""}}},
    {"huge content-length", {POST, {"content-length", "99999999999999999999"}}},
    {":protocol without CONNECT", {GET, {":protocol", "websocket"}}},
    {"odd :protocol",
     {{":method", "CONNECT"},
      {":scheme", "https"},
      {":authority", "a"},
      {":path", "/"},
      {":protocol", "web socket"}}},
    {"CONNECT with :path",
     {{":method", "CONNECT"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}},
    {"extended CONNECT with a length",
     {{":method", "CONNECT"},
      {":scheme", "https"},
      {":authority", "a"},
      {":path", "/"},
      {":protocol", "websocket"},
      {"content-length", "0"}}},
};

static void send_fields(const struct request_case *request, int32_t id)
{
    nghttp2_nv nv[8];
    uint8_t block[4096];
    size_t count = 0;
    for (; count < 8 && request->fields[count].name; count++) {
        const char *name = request->fields[count].name;
        const char *value = request->fields[count].value;
        nv[count] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
                                 strlen(name), strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME};
    }
    ssize_t len = nghttp2_hd_deflate_hd(rig.deflater, block, sizeof(block), nv, count);
    cr_assert_geq(len, 0);
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id, block,
              (size_t)len);
    rig_send();
}

Test(head, malformed_requests_are_reset)
{
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        int32_t id = (int32_t)(i * 2 + 1);
        rig.end.now += 10;
        send_fields(&malformed[i], id);
        cr_expect(rig.is_reset[id], "%s", malformed[i].what);
        cr_expect_eq(rig.reset_code[id], (uint32_t)NGHTTP2_PROTOCOL_ERROR, "%s: %u",
                     malformed[i].what, rig.reset_code[id]);
        cr_expect_eq(rig.end.requests, 0, "%s", malformed[i].what);
        cr_expect_eq(rig.end.closed, i + 1, "%s", malformed[i].what);
        cr_expect_neq(end_message(&rig.end, 0)->closing.error, ERROR_NONE, "%s", malformed[i].what);
        cr_expect_eq(h2_stream_count(rig.end.session), 0);
    }
    cr_assert_eq(rig.goaways, 0);
    /* HPACK's state went along. */
    rig_get(201);
    rig_send();
    cr_assert_eq(rig.end.requests, 1);
}

/* strlen would cut it: by hand. */
Test(head, nul_in_a_value)
{
    static const uint8_t block[] = {0x82, 0x87, 0x84, 0x01, 1, 'a', 0x40, 1, 'x', 3, 'a', 0, 'b'};
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block,
              sizeof(block));
    rig_send();
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.end.requests, 0);
}

Test(head, nul_in_a_path)
{
    static const uint8_t block[] = {0x82, 0x87, 0x01, 1, 'a', 0x04, 3, '/', 0, 'b'};
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block,
              sizeof(block));
    rig_send();
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.end.requests, 0);
}

static void assert_field(const struct message *message, const char *name, const char *value)
{
    const struct http_field *field =
        http_fields_find_name(&message->request.fields, slice_of(name));
    cr_assert_not_null(field, "%s", name);
    cr_assert(slice_equal(field->value, slice_of(value)), "%.*s", SLICE_PRINTF(field->value));
}

Test(head, request_is_decoded)
{
    rig_headers(0, 1, ":method", "POST", ":scheme", "https", ":authority", "A.test:8443", ":path",
                "/x%20y?q", "content-length", "7", "expect", "100-continue", "te", "trailers",
                "accept", "*/*", "x-mine", "1", NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    const struct http_request *request = &message->request;
    cr_assert_eq(message->requests, 1);
    cr_assert_eq(message->ends, 0);
    cr_assert_eq(request->version, HTTP_2);
    cr_assert_eq(request->method, METHOD_POST);
    cr_assert(slice_equal(request->target, SLICE("/x%20y?q")));
    cr_assert(slice_equal(request->path, SLICE("/x%20y")));
    cr_assert(slice_equal(request->query, SLICE("q")));
    cr_assert(slice_equal(request->authority, SLICE("A.test:8443")));
    cr_assert(slice_equal(request->host, SLICE("a.test")));
    cr_assert_eq(request->content_length, 7);
    cr_assert(request->expects_continue);
    cr_assert_eq(request->upgrade.len, 0);
    cr_assert_null(http_fields_find(&request->fields, FIELD_CONTENT_LENGTH));
    assert_field(message, "host", "A.test:8443");
    assert_field(message, "accept", "*/*");
    assert_field(message, "x-mine", "1");
}

Test(head, host_without_authority)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":method", "GET", ":scheme", "http", ":path", "/",
                "host", "b.test", NULL);
    rig_send();
    cr_assert_eq(rig.end.requests, 1);
    const struct http_request *request = &end_message(&rig.end, 0)->request;
    cr_assert(slice_equal(request->host, SLICE("b.test")));
    cr_assert_eq(request->content_length, 0);
    cr_assert_eq(http_fields_count(&request->fields, FIELD_HOST), 1);
}

Test(head, cookies_are_joined)
{
    rig_headers(0, 1, ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/",
                "cookie", "a=1", "x", "y", "cookie", "b=2", "cookie", "c=3", NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(http_fields_count(&message->request.fields, FIELD_COOKIE), 1);
    assert_field(message, "cookie", "a=1; b=2; c=3");
    assert_field(message, "x", "y");
}

Test(head, empty_cookies_leave_no_trace)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":method", "GET", ":scheme", "http", ":authority", "a",
                ":path", "/", "cookie", "", "cookie", "a=1", "cookie", "", "cookie", "b=2",
                "cookie", "", NULL);
    rig_send();
    assert_field(end_message(&rig.end, 0), "cookie", "a=1; b=2");
    rig_headers(NGHTTP2_FLAG_END_STREAM, 3, ":method", "GET", ":scheme", "http", ":authority", "a",
                ":path", "/", "cookie", "", "cookie", "", NULL);
    rig_send();
    assert_field(end_message(&rig.end, 1), "cookie", "");
}

Test(head, options_asterisk)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":method", "OPTIONS", ":scheme", "http", ":authority",
                "a", ":path", "*", NULL);
    rig_send();
    cr_assert_eq(rig.end.requests, 1);
}

Test(head, extended_connect)
{
    rig_headers(0, 1, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https",
                ":authority", "a.test", ":path", "/chat", "sec-websocket-version", "13", NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->requests, 1);
    cr_assert_eq(message->request.method, METHOD_CONNECT);
    cr_assert(slice_equal(message->request.upgrade, SLICE("websocket")));
    cr_assert(slice_equal(message->request.path, SLICE("/chat")));
    cr_assert_eq(message->request.content_length, HTTP_LENGTH_UNKNOWN);
}

Test(head, plain_connect_is_refused)
{
    rig_headers(0, 1, ":method", "CONNECT", ":authority", "a.test:443", NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->requests, 0);
    cr_assert_eq(message->refusals, 1);
    cr_assert_eq(message->refusal, ERROR_METHOD);
}

Test(head, pseudo_header_in_trailers)
{
    rig_post(1);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":path", "/", NULL);
    rig_send();
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.end.requests, 1);
    cr_assert_eq(end_message(&rig.end, 0)->ends, 0);
    cr_assert_eq(end_message(&rig.end, 0)->closing.error, ERROR_FIELD);
}

Test(head, bad_trailers)
{
    rig_post(1);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, "x", "a\nb", NULL);
    rig_post(3);
    rig_headers(0, 3, "x", "y", NULL); /* do not end the stream */
    rig_send();
    cr_assert(rig.is_reset[1]);
    cr_assert(rig.is_reset[3]);
    cr_assert_eq(end_message(&rig.end, 0)->ends, 0);
    cr_assert_eq(end_message(&rig.end, 1)->ends, 0);
}

Test(head, trailers_are_filtered)
{
    rig_post(1);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, "x-sum", "1", "host", "b.test", "authorization", "z",
                NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->ends, 1);
    cr_assert_eq(message->trailers.count, 1);
    cr_assert(slice_equal(message->trailers.items[0].name, SLICE("x-sum")));
}

static const char *const lengths[][2] = {{"3", "too long"}, {"5", "too short"}};

Test(head, body_that_is_not_as_long_as_it_says)
{
    for (size_t i = 0; i < 2; i++) {
        int32_t id = (int32_t)(i * 2 + 1);
        rig_headers(0, id, ":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/",
                    "content-length", lengths[i][0], NULL);
        rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "\0\7\16\25", 4);
        rig_send();
        cr_expect(rig.is_reset[id], "%s", lengths[i][1]);
        cr_expect_eq(rig.reset_code[id], (uint32_t)NGHTTP2_PROTOCOL_ERROR);
        cr_expect_eq(end_message(&rig.end, 0)->ends, 0, "%s", lengths[i][1]);
    }
}
