/* SPDX-License-Identifier: MIT */
/* Heads as they are written: what HTTP/2 forbids is not in them, whatever the message holds. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(encode, .init = rig_start_server, .fini = rig_stop);
TestSuite(encode_client, .init = rig_start_client, .fini = rig_stop);

static bool has_line(const char *line)
{
    const char *at = strstr(rig.head, line);
    return at != NULL && (at == rig.head || at[-1] == '\n');
}

#define assert_line(line)    cr_expect(has_line(line "\n"), "%s in\n%s", line, rig.head)
#define assert_no_line(line) cr_expect_not(has_line(line), "%s in\n%s", line, rig.head)

static void add(struct http_fields *fields, const char *name, const char *value)
{
    http_fields_add(fields, slice_of(name), slice_of(value));
}

static struct message *ask(const char *method, int32_t id)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, id, ":method", method, ":scheme", "https", ":authority",
                "a.test", ":path", "/", NULL);
    rig_send();
    return end_message(&rig.end, 0);
}

static void send_status(struct message *message, int status, int64_t length)
{
    struct http_response response = {
        .status = status, .content_length = length, .has_body = status == 200};
    http_fields_init(&response.fields, &message->arena);
    message->to_send = length > 0 && status == 200 ? (uint64_t)length : 0;
    h2_send_response(message->stream, &response, false, 784111777);
    rig_send();
}

Test(encode, response_fields)
{
    struct message *message = ask("GET", 1);
    struct http_response response = {.status = 200, .content_length = 3, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    add(&response.fields, "Content-Type", "text/plain");
    add(&response.fields, "X-MiXed", "Value");
    add(&response.fields, "Connection", "close");
    add(&response.fields, "Keep-Alive", "1");
    add(&response.fields, "Transfer-Encoding", "chunked");
    add(&response.fields, "Upgrade", "h2c");
    add(&response.fields, "Content-Length", "77");
    add(&response.fields, "bad name", "x");
    add(&response.fields, ":status", "404");
    add(&response.fields, "x-split", "a\r\nb: c");
    message->to_send = 3;
    h2_send_response(message->stream, &response, false, 784111777);
    rig_send();
    assert_line(":status: 200");
    assert_line("content-type: text/plain");
    assert_line("x-mixed: Value");
    assert_line("content-length: 3");
    assert_line("date: Sun, 06 Nov 1994 08:49:37 GMT");
    assert_no_line("connection:");
    assert_no_line("keep-alive:");
    assert_no_line("transfer-encoding:");
    assert_no_line("upgrade:");
    assert_no_line("content-length: 77");
    assert_no_line("bad name:");
    assert_no_line(":status: 404");
    assert_no_line("x-split:");
    cr_assert(rig.is_ended[1]);
}

Test(encode, date_of_the_response_stays)
{
    struct message *message = ask("GET", 1);
    struct http_response response = {.status = 200, .content_length = 0, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    add(&response.fields, "Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    h2_send_response(message->stream, &response, true, 784111777);
    rig_send();
    assert_line("date: Thu, 01 Jan 1970 00:00:00 GMT");
    assert_no_line("date: Sun");
    assert_line("content-length: 0");
    cr_assert_eq(rig.frames[NGHTTP2_DATA], 0, "END_STREAM is in the HEADERS");
}

Test(encode, lengths_that_no_body_follows)
{
    send_status(ask("HEAD", 1), 200, 55);
    assert_line("content-length: 55");
    cr_assert(rig.is_ended[1]);
    send_status(ask("GET", 3), 204, 0);
    assert_no_line("content-length");
    cr_assert(rig.is_ended[3]);
    send_status(ask("GET", 5), 304, 9);
    assert_line("content-length: 9");
    cr_assert(rig.is_ended[5]);
    send_status(ask("GET", 7), 304, 0);
    assert_no_line("content-length");
    cr_assert_eq(rig.frames[NGHTTP2_DATA], 0);
    cr_assert_eq(rig.data_bytes, 0);
}

Test(encode, trailers)
{
    struct message *message = ask("GET", 1);
    struct http_fields trailers;
    http_fields_init(&trailers, &message->arena);
    add(&trailers, "Grpc-Status", "0");
    add(&trailers, "Content-Length", "5");
    add(&trailers, "x", "a\nb");
    message->send_trailers = &trailers;
    send_status(message, 200, 10);
    cr_assert_eq(rig.frames[NGHTTP2_HEADERS], 2);
    cr_assert_eq(rig.data_bytes, 10);
    cr_assert_str_eq(rig.head, "grpc-status: 0\n");
    cr_assert(rig.is_ended[1]);
}

Test(encode, trailers_without_any_that_may_be_sent)
{
    struct message *message = ask("GET", 1);
    struct http_fields trailers;
    http_fields_init(&trailers, &message->arena);
    add(&trailers, "Host", "a");
    message->send_trailers = &trailers;
    send_status(message, 200, 10);
    cr_assert_eq(rig.frames[NGHTTP2_HEADERS], 1);
    cr_assert(rig.is_ended[1]);
}

static bool sends_length; /* `Content-Length: 0` came with the request */

static void send_request(const char *method, const char *upgrade, int64_t length, bool ends)
{
    struct message *message = end_take(&rig.end);
    struct h2_target target = end_target(message);
    struct http_request request = {.method_text = slice_of(method),
                                   .method = http_method_lookup(slice_of(method)),
                                   .target = SLICE("/x?y"),
                                   .authority = SLICE("b.test"),
                                   .upgrade = slice_of(upgrade),
                                   .has_length = sends_length,
                                   .content_length = length};
    http_fields_init(&request.fields, &message->arena);
    add(&request.fields, "Host", "other.test");
    add(&request.fields, "Connection", "upgrade");
    add(&request.fields, "Upgrade", upgrade);
    add(&request.fields, "TE", "gzip");
    add(&request.fields, "Cookie", "a=1; b=2");
    add(&request.fields, "Authorization", "Basic x");
    message->to_send = length > 0 ? (uint64_t)length : 0;
    message->stream = h2_send_request(rig.end.session, &request, &target, ends);
    cr_assert_not_null(message->stream);
    rig_send();
}

Test(encode_client, request_fields)
{
    send_request("POST", "", 4, false);
    assert_line(":method: POST");
    assert_line(":scheme: http");
    assert_line(":authority: b.test");
    assert_line(":path: /x?y");
    assert_line("te: trailers");
    assert_line("cookie: a=1; b=2");
    assert_line("authorization: Basic x");
    assert_line("content-length: 4");
    assert_no_line("host:");
    assert_no_line("connection:");
    assert_no_line("upgrade:");
    assert_no_line("te: gzip");
    cr_assert_eq(rig.data_bytes, 4);
    cr_assert(rig.is_ended[1]);
}

Test(encode_client, request_lengths)
{
    send_request("GET", "", 0, true);
    assert_no_line("content-length");
    send_request("PUT", "", 0, true);
    assert_line("content-length: 0");
    send_request("POST", "", HTTP_LENGTH_UNKNOWN, false);
    assert_no_line("content-length");
    cr_assert(rig.is_ended[5]);
    sends_length = true;
    send_request("DELETE", "", 0, true);
    assert_line("content-length: 0");
}
