/* SPDX-License-Identifier: MIT */
/* Frames that cross a reset: forgiven where it was ours, however many there are. */
#include "raw.h"

#include <criterion/criterion.h>

static struct chain_pool pool;
static struct raw raw;
static const uint8_t data[1000];

static void start(void)
{
    chain_pool_init(&pool);
    raw_open(&raw, H2_SERVER, NULL, &pool);
}

static void stop(void)
{
    raw_close(&raw);
    chain_pool_free(&pool);
    cr_assert_eq(pool.held, 0);
}

TestSuite(resets, .init = start, .fini = stop);

/* index: how many others are open. */
static void open_and_reset(int32_t id, unsigned index)
{
    raw_post(&raw, id);
    raw_send(&raw);
    end_reset(end_message(&raw.end, index), H2_CANCEL);
    raw_send(&raw);
    cr_assert(raw.is_reset[id]);
}

static void send_all_kinds(int32_t id)
{
    raw_frame(&raw, NGHTTP2_DATA, 0, id, data, sizeof(data));
    raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, id, 1000);
    raw_headers(&raw, NGHTTP2_FLAG_END_STREAM, id, "x-sum", "1", NULL);
    raw_frame_u32(&raw, NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
    raw_send(&raw);
}

Test(resets, what_crosses_ours_is_forgiven)
{
    open_and_reset(1, 0);
    send_all_kinds(1);
    cr_assert_eq(raw.goaways, 0);
    raw_get(&raw, 3);
    raw_send(&raw);
    cr_assert_eq(raw.end.requests, 2, "heads that are skipped keep HPACK in step");
}

/* An old stream, and many others since. */
Test(resets, the_identifier_may_be_old)
{
    raw_post(&raw, 1);
    raw_send(&raw);
    struct message *old = end_message(&raw.end, 0);
    raw.end.answer = NULL;
    for (int32_t id = 3; id < 1003; id += 2)
        open_and_reset(id, 1);
    end_reset(old, H2_CANCEL);
    raw_send(&raw);
    send_all_kinds(1);
    cr_assert_eq(raw.goaways, 0);
}

Test(resets, more_than_are_remembered_are_forgiven_too)
{
    for (int32_t id = 1; id < 1001; id += 2)
        open_and_reset(id, 0);
    for (int32_t id = 1; id < 1001; id += 100)
        send_all_kinds(id);
    cr_assert_eq(raw.goaways, 0);
    raw.end.now += 60;
    raw_send(&raw);
    raw_frame(&raw, NGHTTP2_DATA, 0, 1, data, sizeof(data));
    raw_send(&raw);
    cr_assert_eq(raw.goaway_code, (uint32_t)NGHTTP2_STREAM_CLOSED, "but not for ever");
}

/* A window of a stream in frames of one byte: they were on their way. */
Test(resets, small_frames_that_cross_are_no_flood)
{
    open_and_reset(1, 0);
    for (unsigned i = 0; i < 100000; i++) {
        raw_frame(&raw, NGHTTP2_DATA, 0, 1, data, 1);
        if (i % 1000 == 0)
            raw_send(&raw);
    }
    raw_send(&raw);
    cr_assert_eq(raw.goaways, 0);
    for (unsigned i = 0; i < 100000 && raw.goaways == 0; i++) {
        raw_frame(&raw, NGHTTP2_DATA, 0, 1, data, 1);
        raw_send(&raw);
    }
    cr_assert_eq(raw.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM, "more than could be");
}

/* RFC 7540 section 5.1: an error of the stream, which is told once. */
Test(resets, what_follows_the_clients_own_is_an_error_of_the_stream)
{
    raw_post(&raw, 1);
    raw_frame_u32(&raw, NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    raw_send(&raw);
    cr_assert_not(raw.is_reset[1]);
    send_all_kinds(1);
    cr_assert(raw.is_reset[1]);
    cr_assert_eq(raw.reset_code[1], (uint32_t)NGHTTP2_STREAM_CLOSED);
    cr_assert_eq(raw.frames[NGHTTP2_RST_STREAM], 1);
    cr_assert_eq(raw.goaways, 0);
    raw_get(&raw, 3);
    raw_send(&raw);
    cr_assert_eq(raw.end.requests, 2);
}

/* Some clients give windows back from another thread than they cancel. */
Test(resets, windows_given_back_after_cancels_end_nothing)
{
    for (unsigned i = 0; i < 900; i++) {
        int32_t id = (int32_t)(i * 2 + 1);
        raw_post(&raw, id);
        raw_frame_u32(&raw, NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, id, 1000);
        raw_send(&raw);
    }
    cr_assert_eq(raw.goaways, 0);
    cr_assert_leq(raw.frames[NGHTTP2_RST_STREAM], 100, "few answers");
}
