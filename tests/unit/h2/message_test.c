/* SPDX-License-Identifier: MIT */
/* Responses as a client takes them: malformed ones are reset, the others say what they mean. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(message, .init = rig_start_client, .fini = rig_stop);

static struct message *ask(const char *method)
{
    struct message *message = end_request(&rig.end, method, "/", 0);
    rig_send();
    return message;
}

static void assert_bad(struct message *message, const char *what)
{
    cr_expect_eq(message->closes, 1, "%s", what);
    cr_expect_eq(message->closing.error, ERROR_RESPONSE, "%s: %s", what,
                 error_text(message->closing.error));
    cr_expect_not(message->closing.is_by_peer, "%s", what);
    cr_expect_eq(message->ends, 0, "%s", what);
    cr_expect_eq(h2_stream_count(rig.end.session), 0);
}

static const char *const bad_fields[][2] = {
    {"x", "a\rb"},           {"x y", "a"},   {"connection", "close"}, {"transfer-encoding", "x"},
    {":status", "200"},      {":path", "/"}, {"content-length", "x"}, {"upgrade", "x"},
    {"content-length", "5"},
};

Test(message, malformed_responses)
{
    for (size_t i = 0; i < sizeof(bad_fields) / sizeof(bad_fields[0]); i++) {
        struct message *message = ask("GET");
        rig.end.now += 10;
        rig_headers(NGHTTP2_FLAG_END_STREAM, (int32_t)(i * 2 + 1), ":status", "200",
                    bad_fields[i][0], bad_fields[i][1], NULL);
        rig_send();
        assert_bad(message, bad_fields[i][0]);
        cr_expect_eq(message->responses, 0);
    }
}

static const char *const bad_status[] = {"20", "2000", "abc", "099", "101", "000", "100"};

Test(message, malformed_status)
{
    for (size_t i = 0; i < sizeof(bad_status) / sizeof(bad_status[0]); i++) {
        struct message *message = ask("GET");
        rig.end.now += 10;
        rig_headers(NGHTTP2_FLAG_END_STREAM, (int32_t)(i * 2 + 1), ":status", bad_status[i], NULL);
        rig_send();
        assert_bad(message, bad_status[i]);
        cr_expect_eq(message->responses, 0, "%s", bad_status[i]);
    }
}

Test(message, white_space_around_a_value_is_removed)
{
    static const char *const statuses[] = {"200", "600", "999"};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        /* An upload keeps the message alive until its cancel is written. */
        struct message *message = end_request(&rig.end, "POST", "/", 10);
        message->stays_open = true;
        message->to_send = 1;
        rig_send();
        rig_headers(0, (int32_t)(i * 2 + 1), ":status", statuses[i], "x", "a b \t", "y", " c", "z",
                    " ", NULL);
        rig_headers(NGHTTP2_FLAG_END_STREAM, (int32_t)(i * 2 + 1), "x-sum", "1 ", NULL);
        rig_send_only();
        cr_assert_eq(message->ends, 1, "%s", statuses[i]);
        cr_expect_eq(message->response.status, atoi(statuses[i]));
        const struct http_fields *fields = &message->response.fields;
        cr_assert_eq(fields->count, 3);
        cr_expect(slice_equal(fields->items[0].value, SLICE("a b")));
        cr_expect(slice_equal(fields->items[1].value, SLICE("c")));
        cr_expect_eq(fields->items[2].value.len, 0);
        cr_assert_eq(message->trailers.count, 1);
        cr_expect(slice_equal(message->trailers.items[0].value, SLICE("1")));
        rig_send();
    }
}

Test(message, no_status)
{
    struct message *message = ask("GET");
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, "x", "y", NULL);
    rig_send();
    assert_bad(message, "no :status");
}

Test(message, too_many_fields)
{
    struct message *message = ask("GET");
    uint8_t bytes[400] = {0x88, 0x40, 1, 'x', 1, 'y'};
    memset(bytes + 6, 0xbe, 150);
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, bytes, 156);
    rig_send();
    cr_assert_eq(message->closing.error, ERROR_RESPONSE_TOO_LARGE);
    cr_assert_eq(message->responses, 0);
}

Test(message, interim_then_final)
{
    struct message *message = ask("GET");
    rig_headers(0, 1, ":status", "103", "link", "</a>", NULL);
    rig_send();
    cr_assert_eq(message->interims, 1);
    cr_assert_eq(message->response.status, 103);
    cr_assert_eq(message->response.content_length, 0);
    rig_headers(0, 1, ":status", "200", "content-length", "4", NULL);
    rig_send();
    cr_assert_eq(message->responses, 2);
    cr_assert_eq(message->response.status, 200);
    cr_assert(message->response.has_body);
    cr_assert_eq(message->response.content_length, 4);
    cr_assert_null(http_fields_find_name(&message->response.fields, SLICE("link")));
    rig_frame(NGHTTP2_DATA, 0, 1, "\0\7\16\25", 4);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, "grpc-status", "0", NULL);
    rig_send();
    cr_assert_eq(message->received, 4);
    cr_assert_not(rig.end.is_corrupted);
    cr_assert_eq(message->ends, 1);
    cr_assert_eq(message->trailers.count, 1);
    cr_assert_eq(message->closing.error, ERROR_NONE);
}

Test(message, trailers_only)
{
    struct message *message = ask("GET");
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":status", "200", "grpc-status", "5", NULL);
    rig_send();
    cr_assert_eq(message->responses, 1);
    cr_assert_eq(message->response.content_length, 0);
    cr_assert_eq(message->ends, 1);
}

Test(message, unknown_length)
{
    struct message *message = ask("GET");
    rig_headers(0, 1, ":status", "200", NULL);
    rig_send();
    cr_assert_eq(message->response.content_length, HTTP_LENGTH_UNKNOWN);
}

Test(message, head_has_a_length_and_no_body)
{
    struct message *message = ask("HEAD");
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":status", "200", "content-length", "9", NULL);
    rig_send();
    cr_assert_eq(message->responses, 1);
    cr_assert_not(message->response.has_body);
    cr_assert_eq(message->response.content_length, 9);
    cr_assert_eq(message->closing.error, ERROR_NONE);
}

static const char *const bodiless[] = {"204", "304"};

Test(message, bodies_where_none_may_be)
{
    for (size_t i = 0; i < 2; i++) {
        struct message *message = ask("GET");
        rig_headers(0, (int32_t)(i * 2 + 1), ":status", bodiless[i], NULL);
        rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, (int32_t)(i * 2 + 1), "x", 1);
        rig_send();
        cr_expect_not(message->response.has_body);
        cr_expect_eq(message->received, 0);
        assert_bad(message, bodiless[i]);
    }
}

Test(message, body_cut_short)
{
    struct message *message = ask("GET");
    rig_headers(0, 1, ":status", "200", "content-length", "4", NULL);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "\0\7\16", 3);
    rig_send();
    assert_bad(message, "short body");
}

Test(message, data_before_the_head)
{
    struct message *message = ask("GET");
    rig_frame(NGHTTP2_DATA, 0, 1, "x", 1);
    rig_send();
    cr_assert_eq(message->received, 0);
    cr_assert_eq(message->responses, 0);
    cr_assert_eq(message->ends, 0);
}

Test(message, push_is_refused)
{
    struct message *message = ask("GET");
    uint8_t promise[] = {0, 0, 0, 2, 0x82, 0x87, 0x84, 0x01, 1, 'a'};
    rig_frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, promise, sizeof(promise));
    rig_send();
    cr_assert_eq(rig.goaways, 1, "we said that we do not take it");
    cr_assert_eq(message->responses, 0);
}
