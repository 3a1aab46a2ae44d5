/* SPDX-License-Identifier: MIT */
/* What leaves: whole frames that fit records, side by side, no more than was asked for, and in
 * turns. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(write, .init = rig_start_server, .fini = rig_stop);

static void answer_small(struct message *message)
{
    end_respond(message, 100);
}

static void answer_large(struct message *message)
{
    end_respond(message, 1 << 20);
}

static void open_windows(void)
{
    static const uint8_t settings[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x10, 0, 0, 0};
    rig_frame(NGHTTP2_SETTINGS, 0, 0, settings, sizeof(settings));
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 0x10000000);
    rig_send();
}

Test(write, small_frames_of_many_streams_are_one_run)
{
    rig.end.answer = answer_small;
    for (int32_t id = 1; id < 100; id += 2)
        rig_get(id);
    rig_send_only();
    struct chain *out = &rig.end.out;
    cr_assert_not(h2_write(rig.end.session, out, 1 << 20));
    cr_assert_gt(out->len, 50 * 100);
    cr_assert_eq(chain_first(out).len, out->len, "in one run");
    cr_assert_eq(rig.end.closed, 50);
}

Test(write, stops_at_the_limit)
{
    rig.end.answer = answer_large;
    open_windows();
    rig_get(1);
    rig_send_only();
    struct chain *out = &rig.end.out;
    size_t total = 0;
    while (h2_write(rig.end.session, out, 40000)) {
        cr_assert_geq(out->len, 40000);
        cr_assert_lt(out->len, 40000 + 16384);
        total += out->len;
        chain_clear(out);
        cr_assert_lt(total, 2 << 20);
    }
    total += out->len;
    cr_assert_gt(total, 1 << 20);
    cr_assert_eq(end_message(&rig.end, 0)->closes, 1);
    cr_assert_not(h2_write(rig.end.session, out, 0));
}

Test(write, data_frames_fill_records)
{
    rig.end.answer = answer_large;
    open_windows();
    rig_get(1);
    rig_send();
    cr_assert(rig.is_ended[1]);
    cr_assert_eq(rig.data_bytes, 1 << 20);
    cr_assert_leq(rig.frames[NGHTTP2_DATA], (1 << 20) / 16375 + 2);
}

Test(write, streams_take_turns)
{
    rig.end.answer = answer_large;
    open_windows();
    for (int32_t id = 1; id < 20; id += 2)
        rig_get(id);
    rig_send_only();
    h2_write(rig.end.session, &rig.end.out, 1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_gt(end_message(&rig.end, i)->sent, 50000);
        cr_expect_lt(end_message(&rig.end, i)->sent, 200000);
    }
}

Test(write, nothing_beyond_the_window)
{
    static const uint8_t none[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0};
    rig.end.answer = answer_large;
    rig_frame(NGHTTP2_SETTINGS, 0, 0, none, sizeof(none));
    rig_get(1);
    rig_send();
    cr_assert_eq(rig.frames[NGHTTP2_HEADERS], 1);
    cr_assert_eq(rig.data_bytes, 0);
    cr_assert_eq(end_message(&rig.end, 0)->reads, 0, "bytes are not asked for before they can go");
    cr_assert_not(h2_has_output(rig.end.session));
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 1, 1000);
    rig_send();
    cr_assert_eq(rig.data_bytes, 1000);
    cr_assert_not(h2_has_output(rig.end.session));
}

Test(write, tells_whose_window_is_shut)
{
    rig.end.answer = answer_large;
    rig_get(1);
    rig_send();
    struct h2_stream *first = end_message(&rig.end, 0)->stream;
    cr_assert_eq(rig.data_bytes, 65535);
    cr_assert(h2_is_window_blocked(first), "its window and that of the connection are shut");
    rig_get(3);
    rig_send();
    struct h2_stream *second = end_message(&rig.end, 1)->stream;
    cr_assert_not(h2_is_window_blocked(second), "it waits for the connection's alone");
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 1, 1);
    rig_send();
    cr_assert_not(h2_is_window_blocked(first));
    /* Both windows become negative: RFC 9113 section 6.9.2. */
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1000);
    rig_send();
    static const uint8_t none[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0};
    rig_frame(NGHTTP2_SETTINGS, 0, 0, none, sizeof(none));
    rig_send();
    cr_assert(h2_is_window_blocked(first));
    cr_assert(h2_is_window_blocked(second));
}

Test(write, complete_response_cancels_the_upload)
{
    rig.end.answer = answer_small;
    rig_post(1);
    rig_send();
    cr_assert(rig.is_ended[1]);
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_NO_ERROR);
    cr_assert_eq(end_message(&rig.end, 0)->closes, 1);
    cr_assert_eq(end_message(&rig.end, 0)->closing.error, ERROR_NONE);
    cr_assert_eq(rig.goaways, 0);
}

Test(write, tunnel_half_closes)
{
    rig_headers(0, 1, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https",
                ":authority", "a.test", ":path", "/chat", NULL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    struct http_response response = {
        .status = 200, .content_length = HTTP_LENGTH_UNKNOWN, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    message->to_send = 4;
    h2_send_response(message->stream, &response, false, 0);
    rig_send();
    cr_assert(rig.is_ended[1]);
    cr_assert_not(rig.is_reset[1], "the other direction goes on");
    cr_assert_null(strstr(rig.head, "content-length"));
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "\0\7", 2);
    rig_send();
    cr_assert_eq(message->received, 2);
    cr_assert_eq(message->ends, 1);
    cr_assert_eq(message->closing.error, ERROR_NONE);
}
