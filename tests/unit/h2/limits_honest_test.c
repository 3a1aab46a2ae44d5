/* SPDX-License-Identifier: MIT */
/* Honest peers that send many frames: what the bytes and streams of a connection have paid for is
 * never cut, and buys no flood. */
#include "rig.h"

#include <criterion/criterion.h>

#define MIB (1024 * 1024)

TestSuite(limits_honest, .init = rig_start_server, .fini = rig_stop);
TestSuite(limits_honest_client, .init = rig_start_client, .fini = rig_stop);

static void goes_on(void)
{
    cr_assert_eq(rig.goaways, 0, "%s", h2_reason(rig.end.session));
    cr_assert_eq(rig.end.verdict, H2_OPEN);
}

/* Gives windows back in pieces, of the stream (0: not) and of the connection. */
static void give_back(int32_t id, size_t bytes, size_t piece)
{
    while (bytes > 0) {
        size_t len = bytes < piece ? bytes : piece;
        if (id != 0)
            rig_frame_u32(NGHTTP2_WINDOW_UPDATE, id, (uint32_t)len);
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, (uint32_t)len);
        bytes -= len;
        if (rig.bytes.len > 16000)
            rig_send();
    }
    rig_send();
}

static struct message *download(int32_t id, uint64_t bytes)
{
    rig_get(id);
    rig_send_only();
    struct message *message = end_message(&rig.end, 0);
    end_respond(message, bytes);
    rig_send();
    return message;
}

/* Takes what has come in pieces, until all is there. */
static void take_all(int32_t id, uint64_t bytes, size_t piece)
{
    uint64_t taken = 0;
    while (taken < bytes) {
        size_t got = rig.data_bytes;
        cr_assert_gt(got, 0, "stuck at %lu", (unsigned long)taken);
        rig.data_bytes = 0;
        taken += got;
        give_back(rig.is_ended[id] ? 0 : id, got, piece);
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
        cr_assert(rig.is_ended[id]);
    }
}

/* It takes all at once, and reads it slowly. */
Test(limits_honest, h9_a_large_window_given_back_late)
{
    rig_frame(NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    rig_send();
    download(1, 64 * MIB);
    for (unsigned i = 0; i < 100 && !rig.is_ended[1]; i++)
        rig_send();
    cr_assert_eq(rig.data_bytes, 64 * MIB);
    give_back(1, 64 * MIB, 1024);
    goes_on();
}

static void give_back_each(int32_t id, unsigned frames, uint32_t bytes)
{
    for (unsigned i = 0; i < frames; i++) {
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, id, bytes);
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, bytes);
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
    rig_frame(NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    rig_send();
    rig.end.answer = answer_held;
    rig_get(1);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    for (unsigned batch = 1; batch <= 20000; batch = batch * 3 + 1) {
        for (unsigned i = 0; i < 40000; i++) {
            message->to_send = 5;
            h2_resume(message->stream);
            rig_send();
            if ((i + 1) % batch == 0)
                give_back_each(1, batch, 5);
            if (i % 50 == 0)
                rig_frame(NGHTTP2_PING, 0, 0, "12345678", 8);
        }
        rig_send();
        goes_on();
    }
}

Test(limits_honest, h9_small_frames_of_a_long_upload)
{
    static const char part[10] = {0};
    rig.end.answer = answer_held;
    rig_post(1);
    for (unsigned i = 0; i < 200000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, part, i % sizeof(part) + 1);
        if (i % 2 == 0)
            rig_frame(NGHTTP2_PING, 0, 0, "12345678", 8);
        if (rig.bytes.len > 16000)
            rig_send();
    }
    rig_send();
    goes_on();
}

static void answer_with_chunk(struct message *message)
{
    end_respond(message, 100000);
}

/* Sequences of small downloads, whose last windows come after their ends. */
Test(limits_honest, windows_given_back_after_the_end)
{
    rig.end.answer = answer_with_chunk;
    rig_frame(NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
    for (int32_t id = 1; id < 4000; id += 2) {
        rig_get(id);
        rig_send();
        cr_assert(rig.is_ended[id]);
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
        rig.data_bytes = 0;
        uint64_t bytes = pieces[i] < 64 ? MIB : 48 * MIB;
        end_request(&rig.end, "POST", "/", bytes);
        rig_send();
        take_all(id, bytes, pieces[i]);
        cr_assert(rig.is_ended[id]);
        rig_headers(NGHTTP2_FLAG_END_STREAM, id, ":status", "200", NULL);
        rig_send();
        goes_on();
    }
}

Test(limits_honest_client, h9_small_frames_of_a_long_response)
{
    end_request(&rig.end, "GET", "/", 0);
    rig_send();
    rig_headers(0, 1, ":status", "200", NULL);
    for (unsigned i = 0; i < 200000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, "12345", i % 5 + 1);
        if (i % 2 == 0)
            rig_frame(NGHTTP2_PING, 0, 0, "12345678", 8);
        if (rig.bytes.len > 16000)
            rig_send();
    }
    rig_send();
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
    rig.end.answer = answer_two_of_three;
    answered = 0;
    for (unsigned i = 0; i < streams; i += batch) {
        for (unsigned j = i; j < i + batch; j++)
            rig_get((int32_t)(j * 2 + 1));
        rig_send();
        for (unsigned j = i; j < i + batch; j++) {
            if (j % 3 == 0)
                rig_frame_u32(NGHTTP2_RST_STREAM, (int32_t)(j * 2 + 1), NGHTTP2_CANCEL);
        }
        rig_send();
        goes_on();
    }
    cr_assert_eq(rig.end.requests, streams);
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
        give_back(0, rig.data_bytes, 16384);
        rig.data_bytes = 0;
        rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        rig_send();
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
        rig_start_server();
        for (int32_t id = 1; id < 9; id += 2) {
            rig.data_bytes = 0;
            download(id, 4 * MIB);
            take_all(id, 4 * MIB, 16384);
        }
        rig_post(9);
        rig_send();
        while (!h2_is_done(rig.end.session) && sent < 20000) {
            for (unsigned i = 0; i < 500; i++, sent++)
                rig_frame(useless[kind].type, 0, useless[kind].id, useless[kind].payload,
                          useless[kind].len);
            rig_send();
        }
        cr_assert_leq(sent, 10000, "%s", useless[kind].name);
        cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
        rig_stop();
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
    while (!h2_is_done(rig.end.session) && sent < most) {
        for (unsigned i = 0; i < 500; i++, sent++)
            rig_frame_u32(type, id, number);
        rig_send();
    }
    return sent;
}

Test(limits_floods, bytes_that_were_not_given_back_buy_windows_alone)
{
    for (size_t kind = 0; kind < sizeof(unreturned) / sizeof(unreturned[0]); kind++) {
        unsigned most = unreturned[kind].most + 8500;
        rig_start_server();
        rig_frame(NGHTTP2_SETTINGS, 0, 0, "\0\4\x40\0\0\0", 6);
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 1 << 30);
        rig_send();
        for (int32_t id = 1; id < 9; id += 2) {
            download(id, UNRETURNED / 4);
            for (unsigned i = 0; i < 100 && !rig.is_ended[id]; i++)
                rig_send();
            cr_assert(rig.is_ended[id]);
        }
        rig_post(9);
        rig_send();
        unsigned sent = flood(unreturned[kind].type, unreturned[kind].id, unreturned[kind].number,
                              most + 10000);
        cr_assert_leq(sent, most, "%s", unreturned[kind].name);
        cr_assert_geq(sent, unreturned[kind].most, "%s is paid for", unreturned[kind].name);
        cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
        rig_stop();
    }
}

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

Test(limits_honest, h1_served_streams_buy_no_later_rapid_reset)
{
    unsigned resets = 0;
    rig.end.answer = answer_one;
    for (unsigned i = 0; i < 5000; i++) {
        rig_get((int32_t)(i * 2 + 1));
        rig_send();
    }
    goes_on();
    rig.end.answer = NULL;
    while (!h2_is_done(rig.end.session) && resets < 5000) {
        int32_t id = (int32_t)(resets++ * 2 + 10001);
        rig_get(id);
        rig_frame_u32(NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
        rig_send();
    }
    cr_assert_geq(resets, 900);
    cr_assert_leq(resets, 1100);
    cr_assert_eq(rig.goaway_code, (uint32_t)NGHTTP2_ENHANCE_YOUR_CALM);
}
