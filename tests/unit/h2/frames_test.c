/* SPDX-License-Identifier: MIT */
/* Frames that a stream's state does not allow, section by section of RFC 9113. */
#include "rig.h"

#include <criterion/criterion.h>

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

static void start(void)
{
    rig_start_server();
    rig.end.answer = answer_one;
}

TestSuite(frames, .init = start, .fini = rig_stop);

static void connection_error(uint32_t code)
{
    rig_send();
    cr_assert_eq(rig.goaways, 1);
    cr_assert_eq(rig.goaway_code, code, "%u", rig.goaway_code);
    cr_assert_neq(h2_reason(rig.end.session)[0], '\0');
    cr_assert(h2_is_done(rig.end.session));
}

/* Either is right where RFC 9113 asks for an error of the stream. */
static void stream_error(int32_t id, uint32_t code)
{
    rig_send();
    cr_assert(rig.is_reset[id] || rig.goaways == 1);
    cr_assert_eq(rig.is_reset[id] ? rig.reset_code[id] : rig.goaway_code, code);
}

static void goes_on(void)
{
    rig_send();
    cr_assert_eq(rig.goaways, 0, "%s", h2_reason(rig.end.session));
    unsigned requests = rig.end.requests;
    rig.end.answer = answer_one;
    rig_get(101);
    rig_send();
    cr_assert_eq(rig.end.requests, requests + 1);
    cr_assert(rig.is_ended[101]);
}

/* What a stream may be before a frame comes for it. */
static void idle(void)
{
}

static void open_one(void)
{
    rig.end.answer = NULL;
    rig_post(5);
    rig_send();
}

static void half_closed(void)
{
    rig.end.answer = NULL;
    rig_get(5);
    rig_send();
}

static void closed(void)
{
    rig_get(5);
    rig_send();
    cr_assert(rig.is_ended[5]);
    rig.is_ended[5] = false;
}

static void closed_with_trailers(void)
{
    rig_post(5);
    rig_headers(NGHTTP2_FLAG_END_STREAM, 5, "x-sum", "1", NULL);
    rig_send();
    cr_assert(rig.is_ended[5]);
}

static void cancelled(void)
{
    rig.end.answer = NULL;
    rig_post(5);
    rig_frame_u32(NGHTTP2_RST_STREAM, 5, NGHTTP2_CANCEL);
    rig_send();
}

/* Below one that was used (RFC 9113 section 5.1.1). */
static void passed_over(void)
{
    rig_get(7);
    rig_send();
}

static void send_data(void)
{
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, "test", 4);
}

static void send_empty_data(void)
{
    rig_frame(NGHTTP2_DATA, 0, 5, NULL, 0);
}

static void send_headers(void)
{
    rig_get(5);
}

static void send_padded_headers(void)
{
    rig_frame(NGHTTP2_HEADERS,
              NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED |
                  NGHTTP2_FLAG_PRIORITY,
              5, "\1\0\0\0\0\7\x82\0", 8);
}

static void send_reset(void)
{
    rig_frame_u32(NGHTTP2_RST_STREAM, 5, NGHTTP2_CANCEL);
}

static void send_window(void)
{
    rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 5, 100);
}

static void send_continuation(void)
{
    rig_frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 5, "\x82", 1);
}

static void send_priority(void)
{
    rig_frame(NGHTTP2_PRIORITY, 0, 5, "\0\0\0\0\7", 5);
}

static void send_self_dependency(void)
{
    rig_frame(NGHTTP2_PRIORITY, 0, 5, "\0\0\0\5\7", 5);
}

static void send_exclusive_self_dependency(void)
{
    rig_frame(NGHTTP2_PRIORITY, 0, 5, "\x80\0\0\5\7", 5);
}

static void send_short_priority(void)
{
    rig_frame(NGHTTP2_PRIORITY, 0, 5, "\0\0\0\0", 4);
}

enum outcome { FINE, ON_STREAM, ON_CONNECTION };

struct row {
    const char *name;
    void (*state)(void);
    void (*send)(void);
    enum outcome outcome;
    uint32_t code;
};

#define PROTOCOL NGHTTP2_PROTOCOL_ERROR
#define CLOSED   NGHTTP2_STREAM_CLOSED

static const struct row rows[] = {
    {"idle data", idle, send_data, ON_CONNECTION, PROTOCOL},
    {"idle reset", idle, send_reset, ON_CONNECTION, PROTOCOL},
    {"idle window", idle, send_window, ON_CONNECTION, PROTOCOL},
    {"idle continuation", idle, send_continuation, ON_CONNECTION, PROTOCOL},
    {"idle priority", idle, send_priority, FINE, 0},
    {"idle self-dependency", idle, send_self_dependency, ON_STREAM, PROTOCOL},
    {"idle short priority", idle, send_short_priority, ON_STREAM, NGHTTP2_FRAME_SIZE_ERROR},
    {"open priority", open_one, send_priority, FINE, 0},
    {"open window", open_one, send_window, FINE, 0},
    {"open reset", open_one, send_reset, FINE, 0},
    {"open self-dependency", open_one, send_self_dependency, ON_STREAM, PROTOCOL},
    {"open exclusive one", open_one, send_exclusive_self_dependency, ON_STREAM, PROTOCOL},
    {"half-closed data", half_closed, send_data, ON_STREAM, CLOSED},
    {"half-closed headers", half_closed, send_headers, ON_STREAM, CLOSED},
    {"half-closed continuation", half_closed, send_continuation, ON_STREAM, PROTOCOL},
    {"half-closed window", half_closed, send_window, FINE, 0},
    {"half-closed priority", half_closed, send_priority, FINE, 0},
    {"half-closed reset", half_closed, send_reset, FINE, 0},
    {"closed data", closed, send_data, ON_CONNECTION, CLOSED},
    {"closed empty data", closed, send_empty_data, ON_CONNECTION, CLOSED},
    {"closed headers", closed, send_headers, ON_CONNECTION, CLOSED},
    {"closed padded headers", closed, send_padded_headers, ON_CONNECTION, CLOSED},
    {"closed continuation", closed, send_continuation, ON_CONNECTION, PROTOCOL},
    {"closed window", closed, send_window, FINE, 0},
    {"closed reset", closed, send_reset, FINE, 0},
    {"closed priority", closed, send_priority, FINE, 0},
    {"closed with trailers, data", closed_with_trailers, send_data, ON_CONNECTION, CLOSED},
    {"closed with trailers, headers", closed_with_trailers, send_headers, ON_CONNECTION, CLOSED},
    {"cancelled data", cancelled, send_data, ON_STREAM, CLOSED},
    {"cancelled headers", cancelled, send_headers, ON_STREAM, CLOSED},
    {"cancelled window", cancelled, send_window, ON_STREAM, CLOSED},
    {"cancelled continuation", cancelled, send_continuation, ON_STREAM, PROTOCOL},
    {"cancelled reset", cancelled, send_reset, FINE, 0},
    {"cancelled priority", cancelled, send_priority, FINE, 0},
    {"passed over headers", passed_over, send_headers, ON_CONNECTION, PROTOCOL},
    {"passed over data", passed_over, send_data, ON_CONNECTION, CLOSED},
    {"passed over priority", passed_over, send_priority, FINE, 0},
};

/* All at once, and byte by byte: the header may come in pieces. */
static void run(const struct row *row, bool in_bytes)
{
    start();
    row->state();
    row->send();
    struct chain byte;
    chain_init(&byte, &pool);
    while (in_bytes && rig.bytes.len > 0) {
        chain_move(&byte, &rig.bytes, 1);
        h2_receive(rig.end.session, &byte, H2_ALL, 0);
    }
    if (row->outcome == FINE)
        goes_on();
    else if (row->outcome == ON_STREAM)
        stream_error(5, row->code);
    else
        connection_error(row->code);
    rig_stop();
}

Test(frames_by_state, each_frame_in_each_state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_log_info("%s", rows[i].name);
        run(&rows[i], false);
        run(&rows[i], true);
    }
}

Test(frames, an_identifier_that_goes_back)
{
    rig_get(5);
    rig_get(3);
    connection_error(NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.end.requests, 1);
}

Test(frames, one_that_goes_back_while_others_are_open)
{
    rig.end.answer = NULL;
    rig_post(5);
    rig_post(9);
    rig_send();
    rig_get(7);
    connection_error(NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.end.requests, 2);
}

Test(frames, an_even_identifier)
{
    rig_get(2);
    connection_error(NGHTTP2_PROTOCOL_ERROR);
}

Test(frames, identifiers_may_leave_gaps)
{
    rig_get(1);
    rig_get(51);
    goes_on();
    rig_get(0x7ffffff);
    rig_send_only();
    cr_assert_eq(rig.end.requests, 4);
    cr_assert_eq(rig.end.verdict, H2_OPEN);
}

Test(frames, headers_that_depend_on_themselves)
{
    rig_frame(NGHTTP2_HEADERS,
              NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PRIORITY, 1,
              "\0\0\0\1\7\x82\x87\x84", 8);
    stream_error(1, NGHTTP2_PROTOCOL_ERROR);
    cr_assert_eq(rig.end.requests, 0);
}

Test(frames, on_stream_0)
{
    static const struct {
        uint8_t type;
        const char *payload;
        size_t len;
    } frames[] = {{NGHTTP2_DATA, "test", 4},
                  {NGHTTP2_HEADERS, "\x82\x87\x84", 3},
                  {NGHTTP2_PRIORITY, "\0\0\0\1\7", 5},
                  {NGHTTP2_RST_STREAM, "\0\0\0\7", 4},
                  {NGHTTP2_CONTINUATION, "\x82", 1}};
    rig_stop();
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        start();
        rig_frame(frames[i].type, NGHTTP2_FLAG_END_HEADERS, 0, frames[i].payload, frames[i].len);
        connection_error(NGHTTP2_PROTOCOL_ERROR);
        rig_stop();
    }
    start();
}

Test(frames, on_a_stream_that_belong_to_the_connection)
{
    static const struct {
        uint8_t type;
        size_t len;
    } frames[] = {{NGHTTP2_SETTINGS, 0}, {NGHTTP2_PING, 8}, {NGHTTP2_GOAWAY, 8}};
    rig_stop();
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        start();
        rig_frame(frames[i].type, 0, 1, "\0\0\0\0\0\0\0\0", frames[i].len);
        connection_error(NGHTTP2_PROTOCOL_ERROR);
        rig_stop();
    }
    start();
}

/* A frame that the scan reads four bytes ahead in, between others, in every cut. */
Test(frames, cut_anywhere)
{
    for (size_t cut = 1; cut < 40; cut++) {
        int32_t id = (int32_t)cut * 4 + 1;
        rig_get(id);
        rig_frame(NGHTTP2_PRIORITY, 0, id, "\0\0\0\0\7", 5);
        rig_frame_u32(NGHTTP2_WINDOW_UPDATE, 0, 5);
        rig_frame(NGHTTP2_PRIORITY, 0, id, "\0\0\0\0\7", 5);
        rig_get(id + 2);
        struct chain piece;
        chain_init(&piece, &pool);
        chain_move(&piece, &rig.bytes, cut);
        h2_receive(rig.end.session, &piece, H2_ALL, 0);
        rig_send();
        cr_assert_eq(rig.end.requests, cut * 2);
        cr_assert_eq(rig.goaways, 0);
    }
}

/* RFC 9113 section 6.8: what comes above GOAWAY's last stream is ignored. */
Test(frames, after_goaway)
{
    rig_get(1);
    rig_send();
    rig.end.answer = NULL;
    rig_post(3);
    rig_send();
    h2_shutdown(rig.end.session);
    rig_send();
    rig_post(5);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, "test", 4);
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, "\0\7\xe", 3);
    rig_send();
    cr_assert_eq(rig.goaways, 0);
    cr_assert_eq(end_message(&rig.end, 0)->ends, 1);
}

static void refused_at_once(unsigned count, bool with_bodies)
{
    rig_stop();
    chain_pool_init(&pool);
    rig_begin(H2_SERVER, NULL);
    for (unsigned i = 0; i < count; i++) {
        int32_t id = (int32_t)(i * 2 + 1);
        rig_post(id);
        if (with_bodies)
            rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "\0\7\xe\x15", 4);
        if (rig.bytes.len > 60000)
            rig_send();
    }
    rig_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    rig_send();
    cr_assert_eq(rig.goaways, 0, "%s", h2_reason(rig.end.session));
    cr_assert_eq(rig.end.verdict, H2_OPEN);
    cr_assert_eq(rig.end.requests, 128);
    cr_assert_eq(rig.resets, count - 128);
    for (unsigned i = 128; i < count; i++)
        cr_assert_eq(rig.reset_code[i * 2 + 1], (uint32_t)NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(h2_stream_count(rig.end.session), 128);
}

/* RFC 9113 sections 5.1.2 and 6.5.3: the client had not seen our limit. */
Test(frames, more_streams_than_it_knows_it_may)
{
    refused_at_once(129, false);
    refused_at_once(229, false);
    refused_at_once(1000, false);
    refused_at_once(1000, true);
    refused_at_once(4000, true);
}

Test(frames, it_may_go_on_refused_or_not)
{
    refused_at_once(1000, true);
    for (unsigned i = 0; i < 128; i++) {
        end_respond(end_message(&rig.end, i), 1);
        rig_send();
    }
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
    rig.end.answer = answer_one;
    for (unsigned i = 0; i < 500; i++) {
        rig_get((int32_t)(2001 + i * 2));
        rig_send();
    }
    cr_assert_eq(rig.end.requests, 628);
    cr_assert_eq(rig.goaways, 0);
}

/* Who has acknowledged it knows it. */
Test(frames, more_streams_than_it_may)
{
    rig.end.answer = NULL;
    for (int32_t id = 1; id < 259; id += 2)
        rig_post(id);
    rig_send();
    cr_assert_eq(rig.end.requests, 128);
    cr_assert(rig.is_reset[257] || rig.goaways == 1);
}

TestSuite(frames_client, .init = rig_start_client, .fini = rig_stop);

Test(frames_client, priority_on_stream_0)
{
    rig_frame(NGHTTP2_PRIORITY, 0, 0, "\0\0\0\1\7", 5);
    connection_error(NGHTTP2_PROTOCOL_ERROR);
}

Test(frames_client, a_stream_that_nobody_asked_for)
{
    rig_headers(NGHTTP2_FLAG_END_STREAM, 1, ":status", "200", NULL);
    connection_error(NGHTTP2_PROTOCOL_ERROR);
}

Test(frames_client, what_crosses_our_reset_is_forgiven)
{
    struct message *message = end_request(&rig.end, "GET", "/", 0);
    rig_send();
    rig_headers(0, 1, ":status", "200", NULL);
    rig_send();
    end_reset(message, H2_CANCEL);
    rig_send();
    for (unsigned i = 0; i < 50000; i++) {
        rig_frame(NGHTTP2_DATA, 0, 1, "x", 1);
        if (i % 1000 == 0)
            rig_send();
    }
    rig_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "x", 1);
    rig_send();
    cr_assert_eq(rig.goaways, 0);
    cr_assert_not_null(end_request(&rig.end, "GET", "/", 0));
}
