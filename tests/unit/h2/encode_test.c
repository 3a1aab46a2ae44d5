/* SPDX-License-Identifier: MIT */
/* Heads as they are written: what HTTP/2 forbids is not in them, whatever the message holds. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(encode, .init = rig_start_server, .fini = rig_stop);
TestSuite(encode_client, .init = rig_start_client, .fini = rig_stop);

Test(encode, response_fields)
{
    struct message *message = rig_ask("GET", 1);
    struct http_response response = {.status = 200, .content_length = 3, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    rig_add(&response.fields, "Content-Type", "text/plain");
    rig_add(&response.fields, "X-MiXed", "Value");
    rig_add(&response.fields, "Connection", "close");
    rig_add(&response.fields, "Keep-Alive", "1");
    rig_add(&response.fields, "Transfer-Encoding", "chunked");
    rig_add(&response.fields, "Upgrade", "h2c");
    rig_add(&response.fields, "Content-Length", "77");
    rig_add(&response.fields, "bad name", "x");
    rig_add(&response.fields, ":status", "404");
    rig_add(&response.fields, "x-split", "a\r\nb: c");
    message->to_send = 3;
    h2_send_response(message->stream, &response, false, 784111777);
    rig_send();
    rig_assert_line(":status: 200");
    rig_assert_line("content-type: text/plain");
    rig_assert_line("x-mixed: Value");
    rig_assert_line("content-length: 3");
    rig_assert_line("date: Sun, 06 Nov 1994 08:49:37 GMT");
    rig_assert_no_line("connection:");
    rig_assert_no_line("keep-alive:");
    rig_assert_no_line("transfer-encoding:");
    rig_assert_no_line("upgrade:");
    rig_assert_no_line("content-length: 77");
    rig_assert_no_line("bad name:");
    rig_assert_no_line(":status: 404");
    rig_assert_no_line("x-split:");
    cr_assert(rig.is_ended[1]);
}

Test(encode, date_of_the_response_stays)
{
    struct message *message = rig_ask("GET", 1);
    struct http_response response = {.status = 200, .content_length = 0, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    rig_add(&response.fields, "Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    h2_send_response(message->stream, &response, true, 784111777);
    rig_send();
    rig_assert_line("date: Thu, 01 Jan 1970 00:00:00 GMT");
    rig_assert_no_line("date: Sun");
    rig_assert_line("content-length: 0");
    cr_assert_eq(rig.frames[NGHTTP2_DATA], 0, "END_STREAM is in the HEADERS");
}

Test(encode, lengths_that_no_body_follows)
{
    rig_send_status(rig_ask("HEAD", 1), 200, 55);
    rig_assert_line("content-length: 55");
    cr_assert(rig.is_ended[1]);
    rig_send_status(rig_ask("GET", 3), 204, 0);
    rig_assert_no_line("content-length");
    cr_assert(rig.is_ended[3]);
    rig_send_status(rig_ask("GET", 5), 304, 9);
    rig_assert_line("content-length: 9");
    cr_assert(rig.is_ended[5]);
    rig_send_status(rig_ask("GET", 7), 304, 0);
    rig_assert_no_line("content-length");
    cr_assert_eq(rig.frames[NGHTTP2_DATA], 0);
    cr_assert_eq(rig.data_bytes, 0);
}

Test(encode, trailers)
{
    struct message *message = rig_ask("GET", 1);
    struct http_fields trailers;
    http_fields_init(&trailers, &message->arena);
    rig_add(&trailers, "Grpc-Status", "0");
    rig_add(&trailers, "Content-Length", "5");
    rig_add(&trailers, "x", "a\nb");
    message->send_trailers = &trailers;
    rig_send_status(message, 200, 10);
    cr_assert_eq(rig.frames[NGHTTP2_HEADERS], 2);
    cr_assert_eq(rig.data_bytes, 10);
    cr_assert_str_eq(rig.head, "grpc-status: 0\n");
    cr_assert(rig.is_ended[1]);
}

Test(encode, trailers_without_any_that_may_be_sent)
{
    struct message *message = rig_ask("GET", 1);
    struct http_fields trailers;
    http_fields_init(&trailers, &message->arena);
    rig_add(&trailers, "Host", "a");
    message->send_trailers = &trailers;
    rig_send_status(message, 200, 10);
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
    rig_add(&request.fields, "Host", "other.test");
    rig_add(&request.fields, "Connection", "upgrade");
    rig_add(&request.fields, "Upgrade", upgrade);
    rig_add(&request.fields, "TE", "gzip");
    rig_add(&request.fields, "Cookie", "a=1; b=2");
    rig_add(&request.fields, "Authorization", "Basic x");
    message->to_send = length > 0 ? (uint64_t)length : 0;
    message->stream = h2_send_request(rig.end.session, &request, &target, ends);
    cr_assert_not_null(message->stream);
    rig_send();
}

Test(encode_client, request_fields)
{
    send_request("POST", "", 4, false);
    rig_assert_line(":method: POST");
    rig_assert_line(":scheme: http");
    rig_assert_line(":authority: b.test");
    rig_assert_line(":path: /x?y");
    rig_assert_line("te: trailers");
    rig_assert_line("cookie: a=1; b=2");
    rig_assert_line("authorization: Basic x");
    rig_assert_line("content-length: 4");
    rig_assert_no_line("host:");
    rig_assert_no_line("connection:");
    rig_assert_no_line("upgrade:");
    rig_assert_no_line("te: gzip");
    cr_assert_eq(rig.data_bytes, 4);
    cr_assert(rig.is_ended[1]);
}

Test(encode_client, request_lengths)
{
    send_request("GET", "", 0, true);
    rig_assert_no_line("content-length");
    send_request("PUT", "", 0, true);
    rig_assert_line("content-length: 0");
    send_request("POST", "", HTTP_LENGTH_UNKNOWN, false);
    rig_assert_no_line("content-length");
    cr_assert(rig.is_ended[5]);
    sends_length = true;
    send_request("DELETE", "", 0, true);
    rig_assert_line("content-length: 0");
}
