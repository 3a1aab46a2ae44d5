/* SPDX-License-Identifier: MIT */
/* Responses over HTTP/2: heads, bodies under backpressure, ends of all kinds, hostile ones. */
#include "h2_rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void setup(void)
{
    h2_rig_init(&rig);
}

static void teardown(void)
{
    peers_free();
    rig_free(&rig);
}

TestSuite(h2_response, .init = setup, .fini = teardown);

/* Starts a request and waits until the server has it. */
static struct peer_stream *ask(struct visit *visit, enum http_method method)
{
    visit_init(visit, &rig, method, 0);
    cr_assert_eq(visit_start(visit), 0);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_ended);
    return &peer->streams[0];
}

Test(h2_response, a_head_and_a_body)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    peer_respond(stream, 404, 7, true);
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 404);
    cr_assert_str_eq(visit.body, "xxxxxxx");
    cr_assert_eq(visit.responses, 1);
    cr_assert_null(visit.exchange->back, "it has left");
    cr_assert_not_null(http_fields_find_name(&visit.exchange->response.fields, SLICE("x-server")));
    visit_close(&visit);
}

Test(h2_response, the_front_may_close_as_soon_as_it_has_the_end)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    visit.closes = true;
    peer_respond(stream, 200, 7, true);
    H2_UNTIL(&rig, visit.is_closed);
    H2_UNTIL(&rig, stream->is_closed);
    cr_assert_eq(stream->closing.error, ERROR_NONE);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_response, head_has_no_body)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_HEAD);
    peer_respond(stream, 200, 0, true);
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_not(visit.exchange->response.has_body);
    visit_close(&visit);
}

Test(h2_response, interim_responses_pass)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    peer_respond_interim(stream, 103);
    H2_UNTIL(&rig, visit.interims == 1);
    cr_assert_eq(visit.last_interim, 103);
    peer_respond_interim(stream, 103);
    peer_respond(stream, 200, 1, true);
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.interims, 2);
    visit_close(&visit);
}

Test(h2_response, interim_responses_without_end_are_too_many)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    for (unsigned i = 0; i < 101; i++)
        peer_respond_interim(stream, 103);
    H2_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE_TOO_LARGE);
    cr_assert_eq(visit.interims, 100);
    visit_close(&visit);
}

Test(h2_response, trailers_come_with_the_end)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    http_fields_add(&stream->reply_trailers, SLICE("grpc-status"), SLICE("0"));
    peer_respond(stream, 200, 3, true);
    H2_UNTIL(&rig, visit.has_ended);
    const struct http_fields *trailers = &visit.exchange->response_body.trailers;
    cr_assert_not_null(http_fields_find_name(trailers, SLICE("grpc-status")));
    visit_close(&visit);
}

Test(h2_response, a_reset_breaks_the_one_response)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    peer_respond(stream, 200, 3, false);
    H2_UNTIL(&rig, visit.body_len == 3);
    h2_reset(stream->stream, H2_INTERNAL_ERROR);
    H2_UNTIL(&rig, visit.is_broken);
    cr_assert_eq(visit.error, ERROR_BACKEND_RESET);
    visit_close(&visit);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_response, a_refused_stream_is_untouched)
{
    struct visit visit;
    struct backend_attempts none = {0};
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    exchange_keep_request(visit.exchange, backend_allowance(rig_group(&rig)));
    visit_start(&visit);
    visit_push(&visit, "some");
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].body_len == 4);
    h2_reset(peer->streams[0].stream, H2_REFUSED_STREAM);
    H2_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_REFUSED);
    cr_assert(exchange_request_is_whole(visit.exchange));
    cr_assert(visit.untouched);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 1);
    visit_close(&visit);
}

Test(h2_response, an_early_answer_cancels_the_request)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    visit_push(&visit, "some");
    peer_respond(&peer->streams[0], 413, 3, true);
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 413);
    cr_assert(visit.exchange->request_body.discards);
    H2_UNTIL(&rig, peer->streams[0].is_closed);
    visit_close(&visit);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_response, a_front_that_does_not_take_holds_the_server)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    visit.takes = false;
    peer_respond(stream, 200, 10 << 20, true);
    for (unsigned i = 0; i < 50; i++) {
        peers_pump();
        rig_turn(&rig);
    }
    struct exchange_pipe *pipe = &visit.exchange->response_body;
    cr_assert_eq(pipe->bytes.len, 128 * 1024, "the stream's window: %zu", pipe->bytes.len);
    size_t total = 0;
    while (pipe->state == PIPE_OPEN || pipe->bytes.len > 0) {
        struct chain bytes;
        chain_init(&bytes, &rig.loop.buffers);
        total += exchange_take_response(visit.exchange, &bytes, 50000);
        chain_clear(&bytes);
        cr_assert_leq(pipe->bytes.len, 1 << 20);
        peers_pump();
        rig_turn(&rig);
    }
    cr_assert_eq(total, 10 << 20);
    visit_close(&visit);
}

Test(h2_response, a_slow_reader_does_not_hold_up_ninety_nine)
{
    static struct visit visits[100];
    for (unsigned i = 0; i < 100; i++) {
        visit_get(&visits[i], &rig);
        visits[i].takes = i != 7;
    }
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 100);
    for (unsigned i = 0; i < 100; i++)
        peer_respond(&peer->streams[i], 200, 300000, true);
    for (unsigned i = 0; i < 100; i++)
        if (i != 7)
            H2_UNTIL(&rig, visits[i].has_ended);
    cr_assert_eq(visits[7].exchange->response_body.bytes.len, 128 * 1024);
    for (unsigned i = 0; i < 100; i++)
        visit_close(&visits[i]);
    H2_UNTIL(&rig, peer->streams[99].is_closed && backends_idle_count(rig.backends) == 1);
}

Test(h2_response, a_client_that_leaves_cancels)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    peer_respond(stream, 200, 1 << 20, true);
    H2_UNTIL(&rig, visit.body_len > 0);
    visit_close(&visit);
    H2_UNTIL(&rig, stream->is_closed);
    cr_assert_eq(stream->closing.code, H2_CANCEL);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_response, a_refused_answer_leads_elsewhere)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    peer_respond(stream, 200, 1 << 20, false);
    H2_UNTIL(&rig, visit.status == 200);
    exchange_abort_back(visit.exchange);
    H2_UNTIL(&rig, stream->is_closed);
    visit_close(&visit);
}

/* ---- what no session would say ---- */

/* :status 200 of the static table, with `content-length: LENGTH` as a literal. */
static void say_length(struct peer *peer, char length)
{
    uint8_t head[] = {0, 0, 5, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x0d, 1, (uint8_t)length};
    peer_send_raw(peer, head, sizeof(head));
}

static void say_data(struct peer *peer, const char *text, bool ends)
{
    uint8_t data[64] = {0, 0, (uint8_t)strlen(text), 0, ends, 0, 0, 0, 1};
    memcpy(data + 9, text, strlen(text));
    peer_send_raw(peer, data, 9 + strlen(text));
}

Test(h2_response, a_body_that_is_longer_than_its_length_is_cut)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    say_length(stream->peer, '3');
    say_data(stream->peer, "abcdef", true);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert(visit.is_broken);
    cr_assert_not(visit.has_ended);
    visit_close(&visit);
}

Test(h2_response, a_body_that_is_shorter_than_its_length_is_cut)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    say_length(stream->peer, '9');
    say_data(stream->peer, "abc", true);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert(visit.is_broken);
    visit_close(&visit);
}

Test(h2_response, a_head_without_status_is_malformed)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    const uint8_t head[] = {0, 0, 4, 1, 5, 0, 0, 0, 1, 0x0f, 0x0d, 1, '0'};
    peer_send_raw(stream->peer, head, sizeof(head));
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE);
    visit_close(&visit);
}

Test(h2_response, a_body_before_its_head_is_malformed)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    say_data(stream->peer, "abc", true);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.status, 0);
    visit_close(&visit);
}

Test(h2_response, a_broken_frame_ends_the_connection)
{
    struct visit visit;
    struct peer_stream *stream = ask(&visit, METHOD_GET);
    const uint8_t settings[] = {0, 0, 1, 4, 0, 0, 0, 0, 0, 0}; /* not a multiple of 6 */
    peer_send_raw(stream->peer, settings, sizeof(settings));
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE);
    H2_UNTIL(&rig, stream->peer->sees_end);
    cr_assert_eq(stream->peer->goaways, 1);
    visit_close(&visit);
}
