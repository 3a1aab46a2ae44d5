/* SPDX-License-Identifier: MIT */
/* Upgrades over HTTP/2: extended CONNECT, and the WebSocket handshake that HTTP/1.1 expects. */
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

TestSuite(h2_websocket, .init = setup, .fini = teardown);

Test(h2_websocket, an_upgrade_is_a_tunnel_where_the_server_takes_it)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.content_length = 0;
    visit.exchange->forward.upgrade = SLICE("websocket");
    /* RFC 6455 section 1.3 has both. */
    http_fields_add(&visit.exchange->forward.fields, SLICE("Sec-WebSocket-Key"),
                    SLICE("dGhlIHNhbXBsZSBub25jZQ=="));
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    struct peer_stream *stream = &peer->streams[0];
    cr_assert_eq(stream->request.method, METHOD_CONNECT);
    cr_assert(slice_equal(stream->request.upgrade, SLICE("websocket")));
    peer_respond(stream, 200, 3, false);
    H2_UNTIL(&rig, visit.body_len == 3);
    cr_assert_eq(visit.status, 101);
    cr_assert(visit.exchange->is_tunnel);
    const struct http_field *accept =
        http_fields_find_name(&visit.exchange->response.fields, SLICE("Sec-WebSocket-Accept"));
    cr_assert_not_null(accept);
    cr_assert(slice_equal(accept->value, SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    visit_push(&visit, "ping");
    H2_UNTIL(&rig, stream->body_len == 4);
    stream->ends = true;
    h2_resume(stream->stream);
    H2_UNTIL(&rig, visit.has_ended);
    visit_push(&visit, "pong");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, stream->has_ended);
    cr_assert_eq(stream->body_len, 8);
    H2_UNTIL(&rig, visit.exchange->back == NULL);
    visit_close(&visit);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_websocket, an_upgrade_is_an_ordinary_request_where_it_does_not)
{
    struct h2_settings settings = peer_settings(10);
    struct visit visit;
    settings.connect_protocol = false;
    visit_init(&visit, &rig, METHOD_GET, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.content_length = 0;
    visit.exchange->forward.upgrade = SLICE("websocket");
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, &settings);
    peer->answers = true;
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 200);
    cr_assert_eq(peer->streams[0].request.method, METHOD_GET);
    visit_close(&visit);
}

Test(h2_websocket, other_protocols_are_not_asked_for)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, 4);
    visit.exchange->forward.upgrade = SLICE("tcp");
    visit_push(&visit, "body");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    peer->answers = true;
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 200);
    cr_assert_eq(peer->streams[0].request.method, METHOD_POST);
    cr_assert_eq(peer->streams[0].body_len, 4);
    cr_assert(slice_equal(visit.exchange->forward.upgrade, SLICE("tcp")),
              "the next attempt may be over HTTP/1.1");
    visit_close(&visit);
}

Test(h2_websocket, a_refused_tunnel_is_an_ordinary_answer)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.content_length = 0;
    visit.exchange->forward.upgrade = SLICE("websocket");
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    peer_respond(&peer->streams[0], 403, 3, true);
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 403);
    cr_assert_not(visit.exchange->is_tunnel);
    visit_close(&visit);
    H2_UNTIL(&rig, peer->streams[0].is_closed);
}

Test(h2_websocket, a_client_that_leaves_its_tunnel_cancels_it)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.content_length = 0;
    visit.exchange->forward.upgrade = SLICE("websocket");
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_request);
    peer_respond(&peer->streams[0], 200, 3, false);
    H2_UNTIL(&rig, visit.body_len == 3);
    visit_close(&visit);
    H2_UNTIL(&rig, peer->streams[0].is_closed);
    cr_assert_eq(peer->streams[0].closing.code, H2_CANCEL);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}
