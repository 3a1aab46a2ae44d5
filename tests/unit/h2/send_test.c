/* SPDX-License-Identifier: MIT */
/* Messages that are sent: requests that open streams, interim and final responses, what cannot be
 * sent. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(send, .init = rig_start_server, .fini = rig_stop);
TestSuite(send_client, .init = rig_start_client, .fini = rig_stop);

Test(send, interim_responses)
{
    struct message *message = rig_ask("GET", 1);
    rig_send_status(message, 100, 0);
    rig_assert_line(":status: 100");
    rig_assert_no_line("date:");
    cr_assert_not(rig.is_ended[1]);
    rig_send_status(message, 103, 0);
    rig_assert_line(":status: 103");
    rig_send_status(message, 200, 5);
    rig_assert_line(":status: 200");
    cr_assert(rig.is_ended[1]);
    cr_assert_eq(rig.data_bytes, 5);
}

Test(send, status_101_does_not_exist)
{
    struct message *message = rig_ask("GET", 1);
    rig_send_status(message, 101, 0);
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_INTERNAL_ERROR);
    cr_assert_eq(message->closes, 1);
}

Test(send, head_that_is_too_large)
{
    static char value[30000];
    struct message *message = rig_ask("GET", 1);
    struct http_response response = {.status = 200, .content_length = 0, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    memset(value, 'a', sizeof(value) - 1);
    for (unsigned i = 0; i < 3; i++)
        rig_add(&response.fields, "x", value);
    h2_send_response(message->stream, &response, true, 0);
    rig_send();
    cr_assert(rig.is_reset[1], "it must not hang");
    cr_assert_eq(message->closing.error, ERROR_RESPONSE_TOO_LARGE);
}

Test(send_client, head_that_is_too_large)
{
    static char value[90000];
    struct message *message = end_take(&rig.end);
    struct h2_target target = end_target(message);
    struct http_request request = {.method_text = SLICE("GET"),
                                   .method = METHOD_GET,
                                   .target = SLICE("/"),
                                   .authority = SLICE("b.test")};
    http_fields_init(&request.fields, &message->arena);
    memset(value, 'a', sizeof(value) - 1);
    rig_add(&request.fields, "x", value);
    message->stream = h2_send_request(rig.end.session, &request, &target, true);
    rig_send();
    cr_assert_eq(message->closes, 1);
    cr_assert_neq(message->closing.error, ERROR_NONE);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
    cr_assert_eq(h2_requests_left(rig.end.session), 128);
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

Test(send_client, upgrade_without_extended_connect)
{
    cr_assert_not(h2_allows_connect(rig.end.session));
    send_request("GET", "websocket", 0, true);
    rig_assert_line(":method: GET");
    rig_assert_no_line(":protocol");
}

Test(send_client, upgrade_as_extended_connect)
{
    static const uint8_t allow[6] = {0, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0, 0, 0, 1};
    rig_frame(NGHTTP2_SETTINGS, 0, 0, allow, sizeof(allow));
    rig_send();
    cr_assert(h2_allows_connect(rig.end.session));
    send_request("GET", "websocket", 0, true);
    rig_assert_line(":method: CONNECT");
    rig_assert_line(":protocol: websocket");
    rig_assert_line(":path: /x?y");
    cr_assert_eq(rig.resets, 0);
}
