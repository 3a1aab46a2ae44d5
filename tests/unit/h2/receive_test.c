/* SPDX-License-Identifier: MIT */
/* Input: cut anywhere it means the same; body bytes are shared with it; errors end what they
 * concern and no more. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(receive, .init = rig_start_server, .fini = rig_stop);

static void pattern(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 13));
}

static void build_upload(void)
{
    static uint8_t data[16384];
    pattern(data, sizeof(data));
    rig_post(1);
    rig_frame(NGHTTP2_DATA, 0, 1, data, 8192);
    rig_frame(0xbb, 0, 0, "ignored", 7);
    rig_frame(NGHTTP2_DATA, 0, 1, data + 8192, 8192);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, "x-sum", "1", NULL);
}

static void assert_upload(void)
{
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->requests, 1);
    cr_assert_eq(message->received, 16384);
    cr_assert_eq(message->ends, 1);
    cr_assert_eq(message->trailers.count, 1);
    cr_assert_not(rig.end.is_corrupted);
}

Test(receive, at_once)
{
    build_upload();
    rig_send();
    assert_upload();
}

Test(receive, byte_by_byte)
{
    build_upload();
    struct chain byte;
    chain_init(&byte, &pool);
    while (rig.bytes.len > 0) {
        chain_move(&byte, &rig.bytes, 1);
        cr_assert_eq(h2_receive(rig.end.session, &byte, H2_ALL, 0), H2_OPEN);
    }
    assert_upload();
}

Test(receive, in_odd_pieces)
{
    build_upload();
    struct chain piece;
    chain_init(&piece, &pool);
    for (size_t len = 1; rig.bytes.len > 0; len = len * 3 % 997 + 1) {
        chain_move(&piece, &rig.bytes, len);
        cr_assert_eq(h2_receive(rig.end.session, &piece, H2_ALL, 0), H2_OPEN);
    }
    assert_upload();
}

/* Whoever has no time for more reads so many frames, and has the rest where it was. */
Test(receive, frame_by_frame)
{
    build_upload();
    while (rig.bytes.len > 0) {
        size_t before = rig.bytes.len;
        uint8_t header[9];
        chain_peek(&rig.bytes, 0, header, sizeof(header));
        cr_assert_eq(h2_receive(rig.end.session, &rig.bytes, 1, 0), H2_OPEN);
        cr_assert_eq(before - rig.bytes.len,
                     9 + ((size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2]));
    }
    assert_upload();
}

/* The header of a frame that was cut counts when it is whole. */
Test(receive, frame_by_frame_of_odd_pieces)
{
    build_upload();
    struct chain piece;
    chain_init(&piece, &pool);
    for (size_t len = 1; rig.bytes.len + piece.len > 0; len = len * 3 % 997 + 1) {
        chain_move(&piece, &rig.bytes, len < rig.bytes.len ? len : rig.bytes.len);
        cr_assert_eq(h2_receive(rig.end.session, &piece, 1, 0), H2_OPEN);
    }
    assert_upload();
}

Test(receive, what_comes_behind_the_end_is_dropped)
{
    rig_frame(NGHTTP2_PING, 0, 0, "short", 5);
    rig_post(1);
    h2_receive(rig.end.session, &rig.bytes, 1, 0);
    h2_receive(rig.end.session, &rig.bytes, 1, 0);
    cr_assert_eq(rig.bytes.len, 0);
    cr_assert_eq(end_message(&rig.end, 0)->requests, 0);
}

/* An owner that keeps the bytes. */
static struct chain kept;

static void keep_data(void *object, struct chain *bytes)
{
    (void)object;
    chain_move(&kept, bytes, bytes->len);
}

Test(receive, body_bytes_are_shared)
{
    static uint8_t data[16000];
    struct h2_events events = end_events;
    struct h2_settings settings;
    events.on_data = keep_data;
    h2_settings_init(&settings, H2_SERVER);
    h2_session_free(rig.end.session);
    rig.end.session = h2_session_new(H2_SERVER, &settings, &events, &rig.end, &pool);
    chain_init(&kept, &pool);
    rig_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    rig_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    rig_post(1);
    rig_send_only();
    for (unsigned i = 0; i < 4; i++)
        rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
    size_t held = pool.held;
    rig_send_only();
    cr_assert_eq(kept.len, 64000);
    cr_assert_leq(pool.held, held + 2 * BUFFER_SIZE, "%zu", pool.held - held);
    chain_clear(&kept);
}

Test(receive, many_small_pieces_hold_little)
{
    struct h2_events events = end_events;
    struct h2_settings settings;
    events.on_data = keep_data;
    h2_settings_init(&settings, H2_SERVER);
    h2_session_free(rig.end.session);
    rig.end.session = h2_session_new(H2_SERVER, &settings, &events, &rig.end, &pool);
    chain_init(&kept, &pool);
    rig_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    rig_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    rig_post(1);
    rig_send_only();
    for (unsigned i = 0; i < 1000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, "x", 1);
        rig_send_only();
    }
    cr_assert_eq(kept.len, 1000);
    cr_assert_lt(pool.held, 16 * BUFFER_SIZE, "%zu", pool.held);
    chain_clear(&kept);
}

Test(receive, padding_is_no_body)
{
    rig_post(1);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_END_STREAM, 1, "\3\0\7xyz", 6);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->received, 2);
    cr_assert_eq(message->ends, 1);
    cr_assert_not(rig.end.is_corrupted);
}

/* RFC 9113 section 6.9: what is dropped still counts, and must be given back. */
Test(receive, data_for_a_reset_stream)
{
    static uint8_t data[16000];
    rig_post(1);
    rig_send();
    end_reset(end_message(&rig.end, 0), H2_CANCEL);
    for (unsigned i = 0; i < 8; i++)
        rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
    rig_send();
    for (unsigned i = 0; i < 1000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
        rig_send();
    }
    cr_assert_eq(rig.goaways, 0, "16 MB through a window of 2 MiB");
    cr_assert_gt(rig.frames[NGHTTP2_WINDOW_UPDATE], 5);
}

Test(receive, body_beyond_the_window)
{
    static uint8_t data[16000];
    pattern(data, sizeof(data));
    rig.end.holds = true;
    rig_post(1);
    for (unsigned i = 0; i < 9; i++)
        rig_frame(NGHTTP2_DATA, 0, 1, data, sizeof(data));
    rig_send();
    cr_assert(rig.is_reset[1] || rig.goaways == 1);
    cr_assert_lt(end_message(&rig.end, 0)->received, 128 * 1024 + 16384);
    cr_assert_eq(end_message(&rig.end, 0)->ends, 0);
}

Test(receive, peer_reset_tells_its_code)
{
    rig_post(1);
    rig_frame_u32(NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->closes, 1);
    cr_assert_eq(message->ends, 0);
    cr_assert_eq(message->closing.error, ERROR_CLIENT_GONE);
    cr_assert(message->closing.is_by_peer);
    cr_assert_not(message->closing.is_untouched);
    cr_assert_eq(message->closing.code, (uint32_t)H2_CANCEL);
}

Test(receive, protocol_error_closes_the_connection)
{
    rig_frame(NGHTTP2_DATA, 0, 0, "x", 1); /* on stream 0 */
    rig_send();
    cr_assert_eq(rig.goaways, 1);
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_PROTOCOL_ERROR);
    cr_assert(h2_is_done(rig.end.session));
    cr_assert_neq(h2_reason(rig.end.session)[0], '\0');
}

Test(receive, hpack_error_closes_the_connection)
{
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff", 6);
    rig_send();
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_COMPRESSION_ERROR);
    cr_assert(h2_is_done(rig.end.session));
    cr_assert_eq(rig.end.requests, 0);
}

static void reset_at_once(struct message *message)
{
    end_reset(message, H2_INTERNAL_ERROR);
}

Test(receive, owner_resets_inside_the_event)
{
    rig.end.answer = reset_at_once;
    build_upload();
    rig_send();
    cr_assert(rig.is_reset[1]);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
}

Test(receive, head_is_dropped_when_its_stream_is_reset_meanwhile)
{
    static const uint8_t block[] = {0x82, 0x87, 0x84};
    rig_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, sizeof(block));
    rig_send();
    cr_assert_eq(rig.end.begun, 1);
    end_reset(end_message(&rig.end, 0), H2_CANCEL);
    rig_frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, "\1\1a", 3);
    rig_send();
    cr_assert_eq(rig.end.requests, 0);
    cr_assert(rig.is_reset[1]);
    rig_get(3);
    rig_send();
    cr_assert_eq(rig.end.requests, 1);
}
