/* SPDX-License-Identifier: MIT */
/* Honest peers that send many frames: what the bytes and streams of a connection have paid for is
 * never cut, and buys no flood. */
#include "raw.h"

#include <criterion/criterion.h>

#define MIB (1024 * 1024)

static struct chain_pool pool;
static struct raw raw;

static void start_role(enum h2_role role)
{
    chain_pool_init(&pool);
    raw_open(&raw, role, NULL, &pool);
}

static void start(void)
{
    start_role(H2_SERVER);
}

static void start_client(void)
{
    start_role(H2_CLIENT);
}

static void stop(void)
{
    raw_close(&raw);
    chain_pool_free(&pool);
    cr_assert_eq(pool.held, 0);
}

TestSuite(limits_honest, .init = start, .fini = stop);
TestSuite(limits_honest_client, .init = start_client, .fini = stop);

static void goes_on(void)
{
    cr_assert_eq(raw.goaways, 0, "%s", h2_reason(raw.end.session));
    cr_assert_eq(raw.end.verdict, H2_OPEN);
}

/* Gives windows back in pieces, of the stream (0: not) and of the connection. */
static void give_back(int32_t id, size_t bytes, size_t piece)
{
    while (bytes > 0) {
        size_t len = bytes < piece ? bytes : piece;
        if (id != 0)
            raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, id, (uint32_t)len);
        raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, (uint32_t)len);
        bytes -= len;
        if (raw.bytes.len > 16000)
            raw_send(&raw);
    }
    raw_send(&raw);
}

static struct message *download(int32_t id, uint64_t bytes)
{
    raw_get(&raw, id);
    raw_send_only(&raw);
    struct message *message = end_message(&raw.end, 0);
    end_respond(message, bytes);
    raw_send(&raw);
    return message;
}

/* Takes what has come in pieces, until all is there. */
static void take_all(int32_t id, uint64_t bytes, size_t piece)
{
    uint64_t taken = 0;
    while (taken < bytes) {
        size_t got = raw.data_bytes;
        cr_assert_gt(got, 0, "stuck at %lu", (unsigned long)taken);
        raw.data_bytes = 0;
        taken += got;
        give_back(raw.is_ended[id] ? 0 : id, got, piece);
    }
    goes_on();
}

Test(limits_honest, h9_downloads_given_back_in_pieces)
{
    static const size_t pieces[] = {1, 7, 64, 100, 512, 1024, 2048, 4096};
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        int32_t id = (int32_t)i * 2 + 1;
        uint64_t bytes = pieces[i] < 64 ? MIB : 48 * MIB;
        download(id, bytes);
        take_all(id, bytes, pieces[i]);
        cr_assert(raw.is_ended[id]);
    }
}

/* It takes all at once, and reads it slowly. */
Test(limits_honest, h9_a_large_window_given_back_late)
{
    raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    raw_send(&raw);
    download(1, 64 * MIB);
    for (unsigned i = 0; i < 100 && !raw.is_ended[1]; i++)
        raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 64 * MIB);
    give_back(1, 64 * MIB, 1024);
    goes_on();
}

static void give_back_each(int32_t id, unsigned frames, uint32_t bytes)
{
    for (unsigned i = 0; i < frames; i++) {
        raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, id, bytes);
        raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, bytes);
    }
}

static void answer_held(struct message *message)
{
    end_respond(message, 1 << 30);
    message->stays_open = true;
    message->to_send = 0;
}

/* A long stream of small messages, each read alone: one by one, and many at once. */
Test(limits_honest, h9_small_frames_each_given_back)
{
    raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    raw_send(&raw);
    raw.end.answer = answer_held;
    raw_get(&raw, 1);
    raw_send(&raw);
    struct message *message = end_message(&raw.end, 0);
    for (unsigned batch = 1; batch <= 20000; batch = batch * 3 + 1) {
        for (unsigned i = 0; i < 40000; i++) {
            message->to_send = 5;
            h2_resume(message->stream);
            raw_send(&raw);
            if ((i + 1) % batch == 0)
                give_back_each(1, batch, 5);
            if (i % 50 == 0)
                raw_frame(&raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        }
        raw_send(&raw);
        goes_on();
    }
}

Test(limits_honest, h9_small_frames_of_a_long_upload)
{
    static const char part[10] = {0};
    raw.end.answer = answer_held;
    raw_post(&raw, 1);
    for (unsigned i = 0; i < 200000; i++) {
        raw_frame(&raw, NGHTTP2_DATA, 0, 1, part, i % sizeof(part) + 1);
        if (i % 2 == 0)
            raw_frame(&raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        if (raw.bytes.len > 16000)
            raw_send(&raw);
    }
    raw_send(&raw);
    goes_on();
}

static void answer_with_chunk(struct message *message)
{
    end_respond(message, 100000);
}

/* Sequences of small downloads, whose last windows come after their ends. */
Test(limits_honest, windows_given_back_after_the_end)
{
    raw.end.answer = answer_with_chunk;
    raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    for (int32_t id = 1; id < 4000; id += 2) {
        raw_get(&raw, id);
        raw_send(&raw);
        cr_assert(raw.is_ended[id]);
        give_back(id, 100000, 1024);
        goes_on();
    }
}

/* ---- the backends' side ---- */

Test(limits_honest_client, h9_uploads_given_back_in_pieces)
{
    static const size_t pieces[] = {1, 512, 1024, 4096};
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        int32_t id = (int32_t)i * 2 + 1;
        raw.data_bytes = 0;
        uint64_t bytes = pieces[i] < 64 ? MIB : 48 * MIB;
        end_request(&raw.end, "POST", "/", bytes);
        raw_send(&raw);
        take_all(id, bytes, pieces[i]);
        cr_assert(raw.is_ended[id]);
        raw_headers(&raw, NGHTTP2_FLAG_END_STREAM, id, ":status", "200", NULL);
        raw_send(&raw);
        goes_on();
    }
}

Test(limits_honest_client, h9_small_frames_of_a_long_response)
{
    end_request(&raw.end, "GET", "/", 0);
    raw_send(&raw);
    raw_headers(&raw, 0, 1, ":status", "200", NULL);
    for (unsigned i = 0; i < 200000; i++) {
        raw_frame(&raw, NGHTTP2_DATA, 0, 1, "12345", i % 5 + 1);
        if (i % 2 == 0)
            raw_frame(&raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        if (raw.bytes.len > 16000)
            raw_send(&raw);
    }
    raw_send(&raw);
    goes_on();
}

/* ---- cancels ---- */

static unsigned answered;

static void answer_two_of_three(struct message *message)
{
    if (answered++ % 3 != 0)
        end_respond(message, 1);
}

static void cancels(unsigned streams, unsigned batch)
{
    raw.end.answer = answer_two_of_three;
    answered = 0;
    for (unsigned i = 0; i < streams; i += batch) {
        for (unsigned j = i; j < i + batch; j++)
            raw_get(&raw, (int32_t)(j * 2 + 1));
        raw_send(&raw);
        for (unsigned j = i; j < i + batch; j++) {
            if (j % 3 == 0)
                raw_frame_u32(&raw, NGHTTP2_RST_STREAM, (int32_t)(j * 2 + 1), NGHTTP2_CANCEL);
        }
        raw_send(&raw);
        goes_on();
    }
    cr_assert_eq(raw.end.requests, streams);
}

Test(limits_honest, h9_one_stream_in_three_is_cancelled)
{
    cancels(60000, 3);
}

Test(limits_honest, h9_one_stream_in_three_of_many_at_once)
{
    cancels(60000, 120);
}

/* Downloads that are cancelled in the middle have paid. */
Test(limits_honest, cancelled_downloads)
{
    for (int32_t id = 1; id < 8000; id += 2) {
        struct message *message = download(id, 1 << 30);
        take_all(id, 200000, 16384);
        give_back(0, raw.data_bytes, 16384);
        raw.data_bytes = 0;
        raw_frame_u32(&raw, NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        raw_send(&raw);
        cr_assert_eq(message->closes, 1);
        goes_on();
    }
}

/* ---- and still no flood ---- */

static const struct {
    const char *name;
    uint8_t type;
    int32_t id;
    const char *payload;
    size_t len;
} useless[] = {
    {"priority", NGHTTP2_PRIORITY, 1, "\0\0\0\0\7", 5},
    {"unknown", 0xbe, 0, "x", 1},
    {"empty data", NGHTTP2_DATA, 9, NULL, 0},
    {"window", NGHTTP2_WINDOW_UPDATE, 9, "\0\0\0\1", 4},
    {"window of the connection", NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4},
    {"late window", NGHTTP2_WINDOW_UPDATE, 1, "\0\0\0\1", 4},
    {"ping", NGHTTP2_PING, 0, "12345678", 8},
    {"settings", NGHTTP2_SETTINGS, 0, NULL, 0},
    {"reset again", NGHTTP2_RST_STREAM, 1, "\0\0\0\7", 4},
};

Test(limits_floods, bytes_that_were_moved_buy_none)
{
    for (size_t kind = 0; kind < sizeof(useless) / sizeof(useless[0]); kind++) {
        unsigned sent = 0;
        start();
        for (int32_t id = 1; id < 9; id += 2) {
            raw.data_bytes = 0;
            download(id, 4 * MIB);
            take_all(id, 4 * MIB, 16384);
        }
        raw_post(&raw, 9);
        raw_send(&raw);
        while (!h2_is_done(raw.end.session) && sent < 20000) {
            for (unsigned i = 0; i < 500; i++, sent++)
                raw_frame(&raw, useless[kind].type, 0, useless[kind].id, useless[kind].payload,
                          useless[kind].len);
            raw_send(&raw);
        }
        cr_assert_leq(sent, 10000, "%s", useless[kind].name);
        cr_assert_eq(raw.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
        stop();
    }
}

/* Bytes that the peer has not given back buy their windows, and nothing else. */
#define UNRETURNED (1024 * 1024)
static const struct {
    const char *name;
    uint8_t type;
    int32_t id;
    uint32_t number;
    unsigned most; /* frames until the end, the allowance of 5,000 and a batch apart */
} unreturned[] = {
    {"window of the connection by 1", NGHTTP2_WINDOW_UPDATE, 0, 1, UNRETURNED},
    {"late window by 1", NGHTTP2_WINDOW_UPDATE, 1, 1, UNRETURNED},
    {"window of the connection", NGHTTP2_WINDOW_UPDATE, 0, 64, UNRETURNED / 64},
    {"late window", NGHTTP2_WINDOW_UPDATE, 1, 64, UNRETURNED / 64},
    {"window of another stream", NGHTTP2_WINDOW_UPDATE, 9, 64, 0},
    {"reset again", NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL, 0},
};

static unsigned flood(uint8_t type, int32_t id, uint32_t number, unsigned most)
{
    unsigned sent = 0;
    while (!h2_is_done(raw.end.session) && sent < most) {
        for (unsigned i = 0; i < 500; i++, sent++)
            raw_frame_u32(&raw, type, id, number);
        raw_send(&raw);
    }
    return sent;
}

Test(limits_floods, bytes_that_were_not_given_back_buy_windows_alone)
{
    for (size_t kind = 0; kind < sizeof(unreturned) / sizeof(unreturned[0]); kind++) {
        unsigned most = unreturned[kind].most + 8500;
        start();
        raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
        raw_frame_u32(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
        raw_send(&raw);
        for (int32_t id = 1; id < 9; id += 2) {
            download(id, UNRETURNED / 4);
            for (unsigned i = 0; i < 100 && !raw.is_ended[id]; i++)
                raw_send(&raw);
            cr_assert(raw.is_ended[id]);
        }
        raw_post(&raw, 9);
        raw_send(&raw);
        unsigned sent = flood(unreturned[kind].type, unreturned[kind].id, unreturned[kind].number,
                              most + 10000);
        cr_assert_leq(sent, most, "%s", unreturned[kind].name);
        cr_assert_geq(sent, unreturned[kind].most, "%s is paid for", unreturned[kind].name);
        cr_assert_eq(raw.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
        stop();
    }
}

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

Test(limits_honest, h1_served_streams_buy_no_later_rapid_reset)
{
    unsigned resets = 0;
    raw.end.answer = answer_one;
    for (unsigned i = 0; i < 5000; i++) {
        raw_get(&raw, (int32_t)(i * 2 + 1));
        raw_send(&raw);
    }
    goes_on();
    raw.end.answer = NULL;
    while (!h2_is_done(raw.end.session) && resets < 5000) {
        int32_t id = (int32_t)(resets++ * 2 + 10001);
        raw_get(&raw, id);
        raw_frame_u32(&raw, NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        raw_send(&raw);
    }
    cr_assert_geq(resets, 900);
    cr_assert_leq(resets, 1100);
    cr_assert_eq(raw.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
}
