/* SPDX-License-Identifier: MIT */
/* Uploads that were answered early: the client may finish, but not for ever. */
#include "rig.h"

#include <criterion/criterion.h>

static const uint8_t data[16000];

static void answer_small(struct message *message)
{
    h2_discard(message->stream);
    end_respond(message, 3);
}

static void answer_with(struct message *message, int status, int64_t length)
{
    struct http_response response = {.status = status, .content_length = length, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    message->to_send = (uint64_t)length;
    h2_send_response(message->stream, &response, false, 0);
}

static void answer_error(struct message *message)
{
    answer_with(message, 413, 3);
}

static void answer_large_error(struct message *message)
{
    answer_with(message, 502, 200000);
}

static void post_of(int32_t id, const char *length)
{
    rig_headers(0, id, ":method", "POST", ":scheme", "https", ":authority", "example.test", ":path",
                "/", "content-length", length, NULL);
    rig_frame(NGHTTP2_DATA, 0, id, data, sizeof(data));
    rig_send();
}

static void start(void)
{
    rig_start_server();
    rig.end.answer = answer_small;
    rig_post(1);
    rig_send();
    cr_assert(rig.is_ended[1]);
    cr_assert_eq(end_message(&rig.end, 0)->closes, 1);
}

TestSuite(linger, .init = start, .fini = rig_stop);

static double linger_at(double now)
{
    rig.end.now = now;
    double due = h2_linger(rig.end.session, now);
    rig_send();
    return due;
}

static void upload(size_t bytes)
{
    for (size_t sent = 0; sent < bytes; sent += sizeof(data)) {
        rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
        rig_send();
    }
}

Test(linger, the_client_finishes_and_no_reset_follows)
{
    cr_assert_gt(linger_at(100), 100);
    upload(3000000);
    cr_assert_eq(rig.goaways, 0, "windows are given back");
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, NULL, 0);
    rig_send();
    cr_assert_eq(linger_at(101), 0);
    cr_assert_eq(linger_at(200), 0);
    cr_assert_not(rig.is_reset[1]);
    cr_assert_eq(end_message(&rig.end, 0)->received, 0);
    cr_assert_eq(end_message(&rig.end, 0)->closes, 1);
    rig_get(3);
    rig_send();
    cr_assert(rig.is_ended[3]);
}

Test(linger, one_that_falls_silent_is_reset_without_error)
{
    double due = linger_at(100);
    cr_assert_gt(due, 100);
    cr_assert_leq(due, 105);
    cr_assert_eq(linger_at(due - 0.5), due);
    cr_assert_not(rig.is_reset[1]);
    cr_assert_eq(linger_at(due), 0);
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_NO_ERROR);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
    upload(200000);
    cr_assert_eq(rig.goaways, 0, "what crossed the reset is forgiven");
}

Test(linger, each_byte_keeps_it_awake_but_not_for_ever)
{
    double now = 100;
    while (!rig.is_reset[1] && now < 300) {
        rig_frame(NGHTTP2_DATA, 0, 1, "x", 1);
        rig_send();
        linger_at(now);
        now += 1;
    }
    cr_assert_gt(now, 120);
    cr_assert_lt(now, 140);
    cr_assert_eq(rig.reset_code[1], (uint32_t)NGHTTP2_NO_ERROR);
}

Test(linger, an_endless_upload_ends_by_its_bytes)
{
    size_t bytes = 0;
    while (!rig.is_reset[1] && bytes < 100000000) {
        upload(160000);
        bytes += 160000;
        linger_at(100);
    }
    cr_assert_gt(bytes, 10000000);
    cr_assert_lt(bytes, 20000000);
    cr_assert_eq(rig.goaways, 0);
}

Test(linger, many_answered_early_are_no_flood)
{
    for (int i = 1; i < 2000; i++) {
        rig_post(i * 2 + 1);
        rig_send();
        rig_frame_u32(NGHTTP2_RST_STREAM, i * 2 + 1, NGHTTP2_CANCEL);
        rig_send();
        linger_at(100);
    }
    cr_assert_eq(rig.goaways, 0, "they had their answers");
    cr_assert_eq(rig.end.requests, 2000);
}

Test(linger, a_shutdown_waits_for_it_and_is_done)
{
    double due = linger_at(100);
    h2_shutdown(rig.end.session);
    rig_send();
    cr_assert_not(h2_is_done(rig.end.session));
    linger_at(due);
    cr_assert(h2_is_done(rig.end.session));
}

/* Who does not read while it sends has windows for some MB before it hears the end. */
Test(linger, windows_come_before_the_response)
{
    static uint8_t bytes[200000];
    rig_post(3);
    rig_send_only();
    h2_write(rig.end.session, &rig.end.out, sizeof(bytes));
    size_t len = rig.end.out.len;
    chain_peek(&rig.end.out, 0, bytes, len);
    chain_clear(&rig.end.out);
    cr_assert_eq(bytes[3], NGHTTP2_WINDOW_UPDATE);
    rig_frame(NGHTTP2_DATA, 0, 3, data, sizeof(data));
    for (size_t sent = 0; sent < 7000000; sent += sizeof(data))
        rig_frame(NGHTTP2_DATA, 0, 3, data, sizeof(data));
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send_only();
    cr_assert_eq(rig.end.verdict, H2_OPEN);
    cr_assert_eq(rig.goaways, 0);
    linger_at(100);
    cr_assert_not(rig.is_reset[3], "%u", rig.reset_code[3]);
}

Test(linger, an_error_needs_none)
{
    rig.end.answer = answer_error;
    rig_post(3);
    rig_send();
    cr_assert(rig.is_ended[3]);
    cr_assert_not(rig.is_reset[3], "curl stops by itself");
    double due = linger_at(100);
    linger_at(due);
    cr_assert_eq(rig.reset_code[3], (uint32_t)NGHTTP2_NO_ERROR);
}

Test(linger, more_than_we_would_take_is_refused_at_once)
{
    rig_headers(0, 3, ":method", "POST", ":scheme", "https", ":authority", "example.test", ":path",
                "/", "content-length", "90000000", NULL);
    rig_send();
    cr_assert(rig.is_ended[3]);
    cr_assert(rig.is_reset[3]);
    cr_assert_eq(rig.reset_code[3], (uint32_t)NGHTTP2_NO_ERROR);
}

/* curl ends its request, short of its length, when it sees an error; the response goes on. */
static void gives_up_while_an_error_is_read(bool in_bytes)
{
    rig.end.answer = answer_large_error;
    rig.data_bytes = 0;
    post_of(3, "1000000");
    cr_assert_eq(rig.data_bytes, 65535 - 3);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, data, 100);
    struct chain byte;
    chain_init(&byte, &pool);
    while (in_bytes && rig.bytes.len > 0) {
        chain_move(&byte, &rig.bytes, 1);
        h2_receive(rig.end.session, &byte, H2_ALL, 0);
    }
    rig_send();
    cr_assert_not(rig.is_reset[3], "%u", rig.reset_code[3]);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 3, 1000000);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1000000);
    rig_send();
    rig_send();
    cr_assert_eq(rig.data_bytes, 200000);
    cr_assert(rig.is_ended[3]);
    cr_assert_eq(end_message(&rig.end, 1)->ends, 0, "the request is not complete");
    cr_assert_eq(end_message(&rig.end, 1)->closing.error, ERROR_NONE);
    cr_assert_eq(rig.goaways, 0);
    rig_get(5);
    rig_send();
    cr_assert_eq(rig.end.requests, 3);
}

Test(linger, the_client_gives_up_while_it_reads_an_error)
{
    gives_up_while_an_error_is_read(false);
}

Test(linger, it_gives_up_byte_by_byte)
{
    gives_up_while_an_error_is_read(true);
}

Test(linger, the_client_gives_up_behind_an_error)
{
    rig.end.answer = answer_error;
    post_of(3, "1000000");
    cr_assert(rig.is_ended[3]);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send();
    cr_assert(!rig.is_reset[3] || rig.reset_code[3] == NGHTTP2_NO_ERROR);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
    linger_at(100);
    cr_assert_eq(linger_at(200), 0);
}

/* Without an answer, or behind another one, it is malformed. */
Test(linger, a_request_that_ends_short_is_an_error)
{
    rig.end.answer = NULL;
    post_of(3, "1000000");
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send();
    cr_assert_eq(rig.reset_code[3], (uint32_t)NGHTTP2_PROTOCOL_ERROR);
}

/* ---- the windows that were opened are the connection's, whatever it does with them ---- */

static const char zeros[65536];

/* Body bytes that have come and that the owner still has. */
static size_t held(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        const struct message *message = end_message(&rig.end, i);
        bytes += message->is_used ? message->held : 0;
    }
    return bytes;
}

static void send_part(int32_t id, size_t bytes)
{
    for (size_t len; bytes > 0; bytes -= len) {
        len = bytes < 16384 ? bytes : 16384;
        rig_frame(NGHTTP2_DATA, 0, id, zeros, len);
    }
    rig_send();
}

/* Uploads, so many bytes each, that no backend takes. Returns the most that was held. */
static size_t stall(int32_t from, int count, size_t bytes)
{
    size_t most = 0;
    rig.end.answer = NULL;
    rig.end.holds = true;
    for (int32_t id = from; id < from + 2 * count && rig.goaways == 0; id += 2) {
        rig_post(id);
        send_part(id, bytes);
        most = held() > most ? held() : most;
    }
    return most;
}

Test(linger, what_it_opened_is_not_held_for_others)
{
    static const struct {
        bool resets;
        unsigned answered;
    } ways[] = {{true, 1}, {false, 1}, {true, 20}, {false, 20}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        rig_stop();
        start();
        int32_t id = 3;
        for (unsigned n = 0; n < ways[i].answered; n++, id += 2) {
            rig_post(id);
            rig_send();
            cr_assert(rig.is_ended[id]);
            if (ways[i].resets)
                rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        }
        size_t most = stall(id, 100, 128000);
        cr_assert_gt(most, 2000000);
        cr_assert_leq(most, 2 * 1024 * 1024, "%zu", most);
        cr_assert_gt(rig.resets, 0);
    }
}

Test(linger, the_one_that_holds_most_makes_room)
{
    rig.end.answer = NULL;
    rig.end.holds = true;
    rig_post(3);
    send_part(3, 130000);
    stall(5, 16, 123000);
    cr_assert(rig.is_reset[3]);
    cr_assert_eq(rig.reset_code[3], (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(rig.resets, 1);
    rig.end.holds = false;
    rig_post(101);
    send_part(101, 1000);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 101, NULL, 0);
    rig_send();
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(rig.resets, 1);
    cr_assert_eq(rig.end.requests, 19);
}

/* What the windows take anyhow needs none. */
Test(linger, a_short_rest_opens_no_window)
{
    unsigned before = rig.frames[NGHTTP2_WINDOW_UPDATE];
    post_of(3, "100000");
    cr_assert(rig.is_ended[3]);
    cr_assert_eq(rig.frames[NGHTTP2_WINDOW_UPDATE], before);
    send_part(3, 84000);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send();
    cr_assert_not(rig.is_reset[3], "it lingers all the same");
    cr_assert_eq(rig.goaways, 0);
}

/* A known rest has its windows whole, whatever was received before. */
Test(linger, a_known_rest_fits_what_is_opened)
{
    rig_headers(0, 3, ":method", "POST", ":scheme", "https", ":authority", "example.test", ":path",
                "/", "content-length", "8388608", NULL);
    rig_send();
    cr_assert(rig.is_ended[3]);
    for (unsigned i = 0; i < 512; i++)
        rig_frame(NGHTTP2_DATA, 0, 3, zeros, 16384);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send_only();
    cr_assert_eq(rig.end.verdict, H2_OPEN);
    linger_at(100);
    cr_assert_eq(rig.goaways, 0);
    cr_assert_not(rig.is_reset[3], "%u", rig.reset_code[3]);
}

/* ---- who has all, and does not know ---- */

Test(linger, the_end_of_the_upload_is_answered)
{
    unsigned before = rig.frames[NGHTTP2_PING];
    upload(160000);
    cr_assert_eq(rig.frames[NGHTTP2_PING], before);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, NULL, 0);
    rig_send();
    cr_assert_eq(rig.frames[NGHTTP2_PING], before + 1);
    rig_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "finished", 8);
    rig_send();
    cr_assert_eq(rig.end.pongs, 0, "nobody asked for it");
    rig_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, zeros, 8);
    rig_send();
    cr_assert_eq(rig.end.pongs, 1);
}

Test(linger, a_cancelled_upload_is_not_answered)
{
    unsigned before = rig.frames[NGHTTP2_PING];
    rig_frame_u32(NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    rig_send();
    cr_assert_eq(rig.frames[NGHTTP2_PING], before);
}

static void answer_redirect(struct message *message)
{
    answer_with(message, 302, 200000);
}

Test(linger, the_client_gives_up_at_a_redirect)
{
    rig.end.answer = answer_redirect;
    rig.data_bytes = 0;
    post_of(3, "1000000");
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, NULL, 0);
    rig_send();
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 3, 1000000);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1000000);
    rig_send();
    rig_send();
    cr_assert_eq(rig.data_bytes, 200000);
    cr_assert(rig.is_ended[3]);
    cr_assert_eq(end_message(&rig.end, 1)->ends, 0, "the request is not complete");
}

Test(linger, freed_meanwhile)
{
    cr_assert_gt(linger_at(100), 100);
}
