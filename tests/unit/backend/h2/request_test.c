/* SPDX-License-Identifier: MIT */
/* Requests over HTTP/2: heads, bodies under backpressure, trailers, lengths that lie. */
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

TestSuite(h2_request, .init = setup, .fini = teardown);

/* Starts a POST and waits until the server has its head. */
static struct peer_stream *post(struct visit *visit, int64_t length,
                                const struct h2_settings *settings)
{
    visit_init(visit, &rig, METHOD_POST, length);
    cr_assert_eq(visit_start(visit), 0);
    struct peer *peer = peer_accept(&rig, 0, settings);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    return &peer->streams[0];
}

static void push_many(struct visit *visit, size_t len)
{
    static const char bytes[65536] = {[0 ... 65535] = 'y'};
    struct chain chain;
    chain_init(&chain, &rig.loop.buffers);
    chain_append(&chain, bytes, len);
    exchange_push_request(visit->exchange, &chain);
}

Test(h2_request, the_head_is_what_forward_says)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, 0);
    http_fields_init(&visit.exchange->forward.fields, &visit.exchange->arena);
    http_fields_add(&visit.exchange->forward.fields, SLICE("X-One"), SLICE("1"));
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_ended);
    const struct http_request *request = &peer->streams[0].request;
    cr_assert_eq(request->method, METHOD_GET);
    cr_assert(slice_equal(request->target, SLICE("/x")));
    cr_assert(slice_equal(request->authority, SLICE("acme.test")));
    cr_assert_not_null(http_fields_find_name(&request->fields, SLICE("x-one")));
    visit_close(&visit);
}

Test(h2_request, one_of_http2_that_ended_without_a_body_ends_with_its_head)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.version = HTTP_2;
    exchange_end_request(visit.exchange, PIPE_ENDED);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    cr_assert_eq(peer->streams[0].request.content_length, 0);
    cr_assert(peer->streams[0].has_ended);
    visit_close(&visit);
}

Test(h2_request, a_body_of_known_length)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, 10, NULL);
    cr_assert_eq(stream->request.content_length, 10);
    visit_push(&visit, "hello");
    H2_UNTIL(&rig, stream->body_len == 5);
    cr_assert_not(stream->has_ended);
    visit_push(&visit, "world");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, stream->has_ended);
    cr_assert_arr_eq(stream->body, "helloworld", 10);
    visit_close(&visit);
}

Test(h2_request, a_streamed_body_with_trailers)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, HTTP_LENGTH_UNKNOWN, NULL);
    visit_push(&visit, "abc");
    http_fields_add(&visit.exchange->request_body.trailers, SLICE("x-sum"), SLICE("3"));
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, stream->has_ended);
    cr_assert_eq(stream->body_len, 3);
    const struct http_field *sum = http_fields_find_name(&stream->trailers, SLICE("x-sum"));
    cr_assert_not_null(sum);
    cr_assert(slice_equal(sum->value, SLICE("3")));
    visit_close(&visit);
}

Test(h2_request, a_server_that_does_not_take_holds_the_frontend)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, HTTP_LENGTH_UNKNOWN, NULL);
    stream->holds = true;
    for (unsigned i = 0; i < 40; i++) {
        push_many(&visit, 16384);
        peers_pump();
        rig_turn(&rig);
    }
    h2_settle(&rig);
    /* Its window of 128 KiB is all that left. */
    cr_assert_eq(stream->body_len, 128 * 1024);
    cr_assert_eq(visit.exchange->request_body.bytes.len, (40 - 8) * 16384);
    cr_assert_eq(visit.rooms, 0);
    stream->holds = false;
    h2_consume(stream->stream, 128 * 1024);
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, stream->has_ended);
    cr_assert_eq(stream->body_len, 40 * 16384);
    cr_assert_eq(visit.rooms, 1);
    visit_close(&visit);
}

Test(h2_request, one_that_is_not_taken_does_not_hold_up_the_others)
{
    struct visit stuck, visit;
    struct peer_stream *stream = post(&stuck, HTTP_LENGTH_UNKNOWN, NULL);
    struct peer *peer = stream->peer;
    stream->holds = true;
    for (unsigned i = 0; i < 16; i++)
        push_many(&stuck, 65536);
    visit_init(&visit, &rig, METHOD_POST, 500000);
    visit_start(&visit);
    for (unsigned left = 500000; left > 0;) {
        unsigned part = left < 50000 ? left : 50000;
        push_many(&visit, part);
        left -= part;
        peers_pump();
        rig_turn(&rig);
    }
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, peer->count == 2 && peer->streams[1].has_ended);
    cr_assert_eq(peer->streams[1].body_len, 500000);
    cr_assert_not(server_has_connection(&rig, 0));
    visit_close(&visit);
    visit_close(&stuck);
}

static void is_broken_off(struct visit *visit, struct peer_stream *stream, enum error error)
{
    H2_UNTIL(&rig, visit->failures == 1);
    cr_assert_eq(visit->error, error);
    cr_assert_not(visit->untouched);
    H2_UNTIL(&rig, stream->is_closed);
    cr_assert_eq(stream->closing.code, H2_CANCEL);
    cr_assert_not(stream->has_ended);
    visit_close(visit);
}

Test(h2_request, a_body_that_is_too_long_is_broken_off)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, 3, NULL);
    visit_push(&visit, "abcd");
    is_broken_off(&visit, stream, ERROR_LENGTH);
}

Test(h2_request, a_body_that_is_too_short_is_broken_off)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, 5, NULL);
    visit_push(&visit, "abc");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    is_broken_off(&visit, stream, ERROR_LENGTH);
}

Test(h2_request, a_body_that_breaks_off_is_cancelled)
{
    struct visit visit;
    struct peer_stream *stream = post(&visit, 5, NULL);
    visit_push(&visit, "abc");
    H2_UNTIL(&rig, stream->body_len == 3);
    exchange_end_request(visit.exchange, PIPE_BROKEN);
    is_broken_off(&visit, stream, ERROR_CLIENT_GONE);
}
