/* SPDX-License-Identifier: MIT */
/* Hostile clients: floods of frames that cost us something and them nothing. */
#include "rig.h"

#include <criterion/criterion.h>

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

static void answer_held(struct message *message)
{
    end_respond(message, 1000);
    message->stays_open = true;
    message->to_send = 0;
}

static void start(void)
{
    rig_start_server();
    rig.end.answer = answer_one;
}

TestSuite(limits, .init = start, .fini = rig_stop);

/* Sends at most `most` frames, in reads of up to `batch` and about 16 KiB; returns how many it took
 * until the session was done, when its owner stops. */
static unsigned flood_by(void (*one)(unsigned index), unsigned most, unsigned batch)
{
    unsigned sent = 0;
    while (sent < most && !h2_is_done(rig.end.session)) {
        for (unsigned i = 0; i < batch && rig.bytes.len < 16000; i++)
            one(sent++);
        rig_send();
    }
    return sent;
}

static unsigned flood(void (*one)(unsigned index), unsigned most)
{
    return flood_by(one, most, 1000);
}

static void assert_calmed(unsigned sent, unsigned most)
{
    cr_assert_lt(sent, most, "%u frames were taken", sent);
    cr_assert(h2_is_done(rig.end.session));
    cr_assert_eq(rig.goaways, 1);
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_neq(h2_reason(rig.end.session)[0], '\0');
}

static void rapid_reset(unsigned index)
{
    int32_t id = (int32_t)(index * 2 + 1);
    rig_get(id);
    rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
}

Test(limits, h1_rapid_reset)
{
    unsigned sent = flood(rapid_reset, 4000);
    cr_assert(h2_is_done(rig.end.session));
    cr_assert_leq(rig.end.begun, 1100, "%u", rig.end.begun);
    cr_assert_geq(rig.end.begun, 900);
    cr_assert_lt(sent, 2500);
    cr_assert_eq(rig.goaways, 1);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
}

static void made_you_reset(unsigned index)
{
    int32_t id = (int32_t)(index * 2 + 1);
    rig_get(id);
    /* RFC 9113 section 6.9.1: a window that overflows is an error of the stream. */
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, id, 0x7fffffff);
}

Test(limits, h2_made_you_reset)
{
    rig.end.answer = answer_held;
    unsigned sent = flood_by(made_you_reset, 4000, 100);
    assert_calmed(sent, 4000);
    cr_assert_leq(rig.resets, 200, "%u resets", rig.resets);
}

static void bad_request(unsigned index)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, (int32_t)(index * 2 + 1), ":method", "GET", ":scheme",
                "https", ":authority", "example.test", ":path", "/", "x", "a\rb", NULL);
}

Test(limits, h2_malformed_requests)
{
    unsigned sent = flood_by(bad_request, 4000, 100);
    assert_calmed(sent, 4000);
    cr_assert_leq(rig.resets, 200);
    cr_assert_eq(rig.end.requests, 0);
}

static void long_body(unsigned index)
{
    int32_t id = (int32_t)(index * 2 + 1);
    rig_headers(0, id, ":method", "POST", ":scheme", "https", ":authority", "example.test", ":path",
                "/", "content-length", "1", NULL);
    rig_frame(NGHTTP2_DATA, 0, id, "xx", 2);
}

Test(limits, h2_bodies_that_are_too_long)
{
    rig.end.answer = NULL;
    unsigned sent = flood_by(long_body, 4000, 100);
    assert_calmed(sent, 4000);
    cr_assert_leq(rig.resets, 200);
}

Test(limits, h2_a_few_mistakes_are_no_flood)
{
    for (unsigned i = 0; i < 2000; i++) {
        rig.end.now += 0.25;
        bad_request(i);
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.resets, 2000);
}

/* The owner's resets are its own affair. */
Test(limits, h2_own_resets_do_not_count)
{
    rig.end.answer = NULL;
    for (unsigned i = 0; i < 1000; i++) {
        rig_get((int32_t)(i * 2 + 1));
        rig_send();
        end_reset(end_message(&rig.end, 0), H2_INTERNAL_ERROR);
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.resets, 1000);
}

Test(limits, h2_refusals_of_the_owner_do_not_count)
{
    rig.end.refuses = true;
    for (unsigned i = 0; i < 1000; i++) {
        rig_get((int32_t)(i * 2 + 1));
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.resets, 1000);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
}

static void priority(unsigned index)
{
    static const uint8_t payload[5] = {0, 0, 0, 0, 15};
    rig_frame(NGHTTP2_PRIORITY, 0, (int32_t)(index % 1000 * 2 + 1), payload, 5);
}

static void unknown(unsigned index)
{
    rig_frame((uint8_t)(0xb0 + index % 16), 0, 0, "x", 1);
}

static void empty_data(unsigned index)
{
    (void)index;
    rig_frame(NGHTTP2_DATA, 0, 1, NULL, 0);
}

static void padding(unsigned index)
{
    (void)index;
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\1", 2);
}

static void window_update(unsigned index)
{
    (void)index;
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1);
}

static void ping(unsigned index)
{
    (void)index;
    rig_frame(NGHTTP2_PING, 0, 0, "12345678", 8);
}

static void pong(unsigned index)
{
    (void)index;
    rig_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "12345678", 8);
}

static void settings(unsigned index)
{
    (void)index;
    rig_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

static void reset_again(unsigned index)
{
    (void)index;
    rig_frame_u32(NGHTTP2_RST_STREAM, 1, 8);
}

Test(limits, h3_priority)
{
    assert_calmed(flood(priority, 20000), 10000);
}

Test(limits, h3_unknown)
{
    assert_calmed(flood(unknown, 20000), 10000);
}

Test(limits, h3_window_update)
{
    assert_calmed(flood(window_update, 20000), 10000);
}

Test(limits, h3_empty_data)
{
    rig.end.answer = NULL;
    rig_post(1);
    rig_send();
    assert_calmed(flood(empty_data, 20000), 10000);
}

Test(limits, h3_padding_only)
{
    rig.end.answer = NULL;
    rig_post(1);
    rig_send();
    assert_calmed(flood(padding, 20000), 10000);
}

Test(limits, h3_data_for_a_closed_stream)
{
    rig_get(1);
    rig_send();
    flood(empty_data, 20000);
    cr_assert(h2_is_done(rig.end.session));
}

Test(limits, h3_answered_pings)
{
    assert_calmed(flood(ping, 20000), 10000);
}

Test(limits, h3_pongs_nobody_asked_for)
{
    assert_calmed(flood(pong, 20000), 10000);
    cr_assert_geq(rig.end.pongs, 1);
}

Test(limits, h3_answered_settings)
{
    assert_calmed(flood(settings, 20000), 10000);
}

Test(limits, h3_reset_of_a_closed_stream)
{
    rig_get(1);
    rig_send();
    flood(reset_again, 20000);
    cr_assert(h2_is_done(rig.end.session));
}

/* A day of an honest connection: pings, and window updates that outnumber the frames they
 * answer. */
Test(limits, h3_long_lived_honest_connection)
{
    for (unsigned i = 0; i < 20000; i++) {
        int32_t id = (int32_t)(i % 4000 * 2 + 1);
        rig.end.now += 1;
        if (i < 4000) {
            rig_get(id);
            window_update(i);
            window_update(i);
            priority(i);
        }
        ping(i);
        ping(i);
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.end.verdict, H2_OPEN);
    cr_assert_eq(rig.end.requests, 4000);
}

/* Many small requests at once are work, not a flood. */
Test(limits, h3_busy_honest_connection)
{
    for (unsigned i = 0; i < 4000; i++) {
        rig_get((int32_t)(i * 2 + 1));
        window_update(i);
        window_update(i);
        priority(i);
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.end.requests, 4000);
}

static size_t flood_unread(void (*one)(unsigned index))
{
    for (unsigned sent = 0; sent < 100000 && rig.end.verdict == H2_OPEN;) {
        for (unsigned i = 0; i < 500; i++)
            one(sent++);
        rig_send_only();
    }
    return pool.held;
}

Test(limits, h4_pings_without_reading)
{
    flood_unread(ping);
    cr_assert_eq(rig.end.verdict, H2_DEAD);
    cr_assert_lt(pool.held, 1 << 20);
    cr_assert(h2_is_done(rig.end.session));
    cr_assert_not(h2_has_output(rig.end.session));
}

Test(limits, h4_settings_without_reading)
{
    flood_unread(settings);
    cr_assert_eq(rig.end.verdict, H2_DEAD);
    cr_assert_lt(pool.held, 1 << 20);
}

Test(limits, h4_refused_streams_without_reading)
{
    rig.end.answer = NULL;
    flood_unread(bad_request);
    cr_assert_leq(rig.end.begun, 200);
    rig_send();
    cr_assert(h2_is_done(rig.end.session));
}

Test(limits, h5_endless_continuation)
{
    static const uint8_t block[] = {0x82, 0x87, 0x84};
    unsigned sent = 0;
    rig_frame(NGHTTP2_HEADERS, 0, 1, block, sizeof(block));
    rig_send();
    while (!h2_is_done(rig.end.session) && sent < 100) {
        rig_frame(NGHTTP2_CONTINUATION, 0, 1, block, sizeof(block));
        sent++;
        rig_send();
    }
    cr_assert_leq(sent, 9);
    cr_assert_eq(rig.end.requests, 0);
}

/* 0x82 is ":method: GET", 0xbe the first entry of the dynamic table. */
static void bomb(uint8_t entry, size_t name, size_t value, size_t times)
{
    static uint8_t block[16384];
    static char text[8192];
    size_t at = 0;
    nghttp2_nv nv[5] = {
        {(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0},
        {(uint8_t *)":scheme", (uint8_t *)"https", 7, 5, 0},
        {(uint8_t *)":path", (uint8_t *)"/", 5, 1, 0},
        {(uint8_t *)":authority", (uint8_t *)"a.test", 10, 6, 0},
        {(uint8_t *)text, (uint8_t *)text, name, value, 0},
    };
    memset(text, 'a', sizeof(text));
    ssize_t len = nghttp2_hd_deflate_hd(rig.deflater, block, sizeof(block), nv, 5);
    cr_assert_geq(len, 0);
    at = (size_t)len;
    while (times-- > 0 && at < sizeof(block))
        block[at++] = entry;
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block, at);
    rig_send();
}

Test(limits, h6_tiny_indexed_fields)
{
    bomb(0xbe, 1, 1, 16000);
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(rig.end.requests, 0);
    cr_assert_eq(message->refusals, 1);
    cr_assert_eq(message->refusal, ERROR_HEAD_TOO_LARGE);
    cr_assert(rig.is_ended[1], "answered");
    cr_assert_eq(rig.goaways, 0);
}

Test(limits, h6_large_indexed_fields)
{
    bomb(0xbe, 10, 2900, 11);
    cr_assert_eq(end_message(&rig.end, 0)->refusals, 1);
    cr_assert_eq(rig.end.requests, 0);
    cr_assert_lt(arena_footprint(&end_message(&rig.end, 0)->arena), 64 * 1024);
}

Test(limits, h6_just_below)
{
    bomb(0xbe, 10, 2900, 10);
    cr_assert_eq(rig.end.requests, 1);
}

Test(limits, h6_ninety_nine_fields)
{
    bomb(0xbe, 1, 1, 95);
    cr_assert_eq(rig.end.requests, 1);
}

Test(limits, h6_hundred_and_one_fields)
{
    bomb(0xbe, 1, 1, 96);
    cr_assert_eq(rig.end.requests, 0);
    cr_assert_eq(end_message(&rig.end, 0)->refusals, 1);
}

Test(limits, streams_above_the_cap_are_refused)
{
    rig.end.answer = NULL;
    for (unsigned i = 0; i < 128; i++)
        rig_post((int32_t)(i * 2 + 1));
    rig_send();
    cr_assert_eq(rig.end.requests, 128);
    rig_post(257);
    rig_send();
    cr_assert_eq(rig.end.requests, 128);
}

TestSuite(limits_client, .init = rig_start_client, .fini = rig_stop);

Test(limits_client, h3_useless_frames_of_a_server)
{
    end_request(&rig.end, "GET", "/", 0);
    assert_calmed(flood(ping, 20000), 10000);
}

Test(limits_client, h4_pings_without_reading)
{
    flood_unread(ping);
    cr_assert_eq(rig.end.verdict, H2_DEAD);
    cr_assert_lt(pool.held, 1 << 20);
}

Test(limits_client, h5_endless_continuation)
{
    static const uint8_t block[] = {0x88};
    unsigned sent = 0;
    struct message *message = end_request(&rig.end, "GET", "/", 0);
    rig_send();
    rig_frame(NGHTTP2_HEADERS, 0, 1, block, sizeof(block));
    while (!h2_is_done(rig.end.session) && sent < 100) {
        rig_frame(NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
        sent++;
        rig_send();
    }
    cr_assert_leq(sent, 9);
    cr_assert_eq(message->responses, 0);
}
