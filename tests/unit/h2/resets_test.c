/* SPDX-License-Identifier: MIT */
/* Frames that cross a reset: forgiven where it was ours, however many there are. */
#include "rig.h"

#include <criterion/criterion.h>

static const uint8_t data[1000];

TestSuite(resets, .init = rig_start_server, .fini = rig_stop);

/* index: how many others are open. */
static void open_and_reset(int32_t id, unsigned index)
{
    rig_post(id);
    rig_send();
    end_reset(end_message(&rig.end, index), H2_CANCEL);
    rig_send();
    cr_assert(rig.is_reset[id]);
}

static void send_all_kinds(int32_t id)
{
    rig_frame(NGHTTP2_DATA, 0, id, data, sizeof(data));
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, id, 1000);
    rig_headers(NGHTTP2_FLAG_END_STREAM, id, "x-sum", "1", NULL);
    rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
    rig_send();
}

Test(resets, what_crosses_ours_is_forgiven)
{
    open_and_reset(1, 0);
    send_all_kinds(1);
    cr_assert_eq(rig.goaways, 0);
    rig_get(3);
    rig_send();
    cr_assert_eq(rig.end.requests, 2, "heads that are skipped keep HPACK in step");
}

/* An old stream, and many others since. */
Test(resets, the_identifier_may_be_old)
{
    rig_post(1);
    rig_send();
    struct message *old = end_message(&rig.end, 0);
    rig.end.answer = NULL;
    for (int32_t id = 3; id < 1003; id += 2)
        open_and_reset(id, 1);
    end_reset(old, H2_CANCEL);
    rig_send();
    send_all_kinds(1);
    cr_assert_eq(rig.goaways, 0);
}

Test(resets, more_than_are_remembered_are_forgiven_too)
{
    for (int32_t id = 1; id < 1001; id += 2)
        open_and_reset(id, 0);
    for (int32_t id = 1; id < 1001; id += 100)
        send_all_kinds(id);
    cr_assert_eq(rig.goaways, 0);
    rig.end.now += 60;
    rig_send();
    rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
    rig_send();
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_STREAM_CLOSED, "but not for ever");
}

/* A window of a stream in frames of one byte: they were on their way. */
Test(resets, small_frames_that_cross_are_no_flood)
{
    open_and_reset(1, 0);
    for (unsigned i = 0; i < 100000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, data, 1);
        if (i % 1000 == 0)
            rig_send();
    }
    rig_send();
    cr_assert_eq(rig.goaways, 0);
    for (unsigned i = 0; i < 100000 && rig.goaways == 0; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, data, 1);
        rig_send();
    }
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM, "more than could be");
}

/* RFC 7540 section 5.1: an error of the stream, which is told once. */
Test(resets, what_follows_the_clients_own_is_an_error_of_the_stream)
{
    rig_post(1);
    rig_frame_u32(NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    rig_send();
    cr_assert_not(rig.is_reset[1]);
    send_all_kinds(1);
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_STREAM_CLOSED);
    cr_assert_eq(rig.frames[NGHTTP2_RST_STREAM], 1);
    cr_assert_eq(rig.goaways, 0);
    rig_get(3);
    rig_send();
    cr_assert_eq(rig.end.requests, 2);
}

/* Some clients give windows back from another thread than they cancel. */
Test(resets, windows_given_back_after_cancels_end_nothing)
{
    for (unsigned i = 0; i < 900; i++) {
        int32_t id = (int32_t)(i * 2 + 1);
        rig_post(id);
        rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, id, 1000);
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_leq(rig.frames[NGHTTP2_RST_STREAM], 100, "few answers");
}
