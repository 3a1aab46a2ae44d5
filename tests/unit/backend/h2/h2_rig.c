/* SPDX-License-Identifier: MIT */
/* The HTTP/2 servers' machinery: sessions over sockets that write down what they are told. */
#include "h2_rig.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct peer *peers[PEERS];
static unsigned peer_count;
static const struct config_transport transport = {.http2 = true};

void h2_rig_init(struct rig *rig)
{
    rig_init(rig, 2);
    /* Another transport is another group: as after a reload. */
    backends_unbind(rig->backends, &rig->tenant);
    rig_turn(rig);
    rig->upstream.endpoint_count = 1;
    rig->upstream_config.transport = &transport;
    backends_bind(rig->backends, &rig->tenant);
}

void h2_two_servers(struct rig *rig)
{
    rig->upstream.endpoint_count = 2;
    rig_bind(rig);
}

/* ---- events ---- */

static bool on_begin(void *owner, struct h2_stream *handle, struct h2_target *target)
{
    struct peer *peer = owner;
    cr_assert_lt(peer->count, PEER_STREAMS);
    struct peer_stream *stream = &peer->streams[peer->count++];
    stream->peer = peer;
    stream->stream = handle;
    arena_init(&stream->arena, 1024);
    http_fields_init(&stream->request.fields, &stream->arena);
    http_fields_init(&stream->trailers, &stream->arena);
    http_fields_init(&stream->reply_trailers, &stream->arena);
    *target = (struct h2_target){.object = stream,
                                 .arena = &stream->arena,
                                 .request = &stream->request,
                                 .trailers = &stream->trailers};
    return true;
}

static void on_request(void *object, bool ends)
{
    struct peer_stream *stream = object;
    (void)ends;
    stream->has_request = true;
}

static void on_data(void *object, struct chain *bytes)
{
    struct peer_stream *stream = object;
    size_t len = bytes->len;
    if (stream->body_len < sizeof(stream->body)) {
        size_t room = sizeof(stream->body) - stream->body_len;
        chain_peek(bytes, 0, stream->body + stream->body_len, len < room ? len : room);
    }
    stream->body_len += len;
    chain_clear(bytes);
    if (!stream->holds)
        h2_consume(stream->stream, len);
}

static void on_end(void *object)
{
    struct peer_stream *stream = object;
    stream->has_ended = true;
    if (stream->peer->answers)
        peer_respond(stream, 200, 5, true);
}

static enum h2_read on_read(void *object, struct chain *to, size_t max,
                            const struct http_fields **trailers)
{
    static const char bytes[16384] = {[0 ... 16383] = 'x'};
    struct peer_stream *stream = object;
    size_t len = stream->to_send < max ? (size_t)stream->to_send : max;
    if (len > sizeof(bytes))
        len = sizeof(bytes);
    chain_append(to, bytes, len);
    stream->to_send -= len;
    if (stream->to_send == 0 && stream->ends) {
        if (stream->reply_trailers.count > 0)
            *trailers = &stream->reply_trailers;
        return H2_READ_END;
    }
    return len > 0 ? H2_READ_MORE : H2_READ_WAIT;
}

static void on_closed(void *object, const struct h2_closing *closing)
{
    struct peer_stream *stream = object;
    stream->stream = NULL;
    stream->is_closed = true;
    stream->closing = *closing;
}

static void on_goaway(void *owner, uint32_t last_stream, uint32_t code)
{
    struct peer *peer = owner;
    (void)last_stream;
    (void)code;
    peer->goaways++;
}

static void on_pong(void *owner)
{
    struct peer *peer = owner;
    peer->pongs++;
}

static const struct h2_events events = {.on_begin = on_begin,
                                        .on_request = on_request,
                                        .on_data = on_data,
                                        .on_end = on_end,
                                        .on_read = on_read,
                                        .on_closed = on_closed,
                                        .on_goaway = on_goaway,
                                        .on_pong = on_pong};

/* ---- peers ---- */

struct h2_settings peer_settings(uint32_t streams)
{
    struct h2_settings settings;
    h2_settings_init(&settings, H2_SERVER);
    settings.streams_max = streams;
    return settings;
}

struct peer *peer_accept(struct rig *rig, unsigned server, const struct h2_settings *settings)
{
    struct h2_settings usual = peer_settings(128);
    struct peer *peer = calloc(1, sizeof(*peer));
    cr_assert_lt(peer_count, PEERS);
    peer->rig = rig;
    peer->fd = server_accept(rig, server);
    peer->session =
        h2_session_new(H2_SERVER, settings ? settings : &usual, &events, peer, &rig->loop.buffers);
    chain_init(&peer->in, &rig->loop.buffers);
    chain_init(&peer->out, &rig->loop.buffers);
    peers[peer_count++] = peer;
    return peer;
}

static void flush(struct peer *peer)
{
    while (h2_has_output(peer->session) && peer->out.len < 65536)
        if (!h2_write(peer->session, &peer->out, 65536))
            break;
    while (peer->out.len > 0) {
        struct slice run = chain_first(&peer->out);
        ssize_t sent = send(peer->fd, run.data, run.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        chain_consume(&peer->out, (size_t)sent);
    }
}

void peer_pump(struct peer *peer)
{
    if (peer->fd < 0)
        return;
    for (unsigned i = 0; i < 4 && !peer->is_deaf; i++) {
        size_t room;
        char *to = chain_reserve(&peer->in, BUFFER_SIZE, &room);
        ssize_t got = recv(peer->fd, to, room, 0);
        chain_commit(&peer->in, got > 0 ? (size_t)got : 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            peer->sees_end = true;
        if (got <= 0)
            break;
        h2_receive(peer->session, &peer->in, H2_ALL, rig_seconds());
    }
    flush(peer);
}

void peers_pump(void)
{
    for (unsigned i = 0; i < peer_count; i++)
        peer_pump(peers[i]);
}

void peer_close(struct peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

void peers_free(void)
{
    for (unsigned i = 0; i < peer_count; i++) {
        struct peer *peer = peers[i];
        peer_close(peer);
        h2_session_free(peer->session);
        chain_clear(&peer->in);
        chain_clear(&peer->out);
        for (unsigned j = 0; j < peer->count; j++)
            arena_free(&peer->streams[j].arena);
        free(peer);
    }
    peer_count = 0;
}

void peer_send_raw(struct peer *peer, const void *data, size_t len)
{
    cr_assert_eq(send(peer->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

void peer_respond(struct peer_stream *stream, int status, uint64_t body, bool ends)
{
    struct http_response response = {.status = status, .has_body = true};
    response.content_length = HTTP_LENGTH_UNKNOWN;
    http_fields_init(&response.fields, &stream->arena);
    http_fields_add(&response.fields, SLICE("x-server"), SLICE("peer"));
    stream->to_send = body;
    stream->ends = ends;
    h2_send_response(stream->stream, &response, false, 0);
}

void peer_respond_interim(struct peer_stream *stream, int status)
{
    struct http_response response = {.status = status};
    http_fields_init(&response.fields, &stream->arena);
    http_fields_add(&response.fields, SLICE("link"), SLICE("</a>"));
    h2_send_response(stream->stream, &response, false, 0);
}

void h2_settle(struct rig *rig)
{
    for (unsigned i = 0; i < 5; i++) {
        peers_pump();
        rig_turn(rig);
    }
}

struct peer *h2_serve_once(struct rig *rig, struct peer *peer)
{
    struct visit visit;
    visit_get(&visit, rig);
    if (peer == NULL)
        peer = peer_accept(rig, 0, NULL);
    peer->answers = true;
    H2_UNTIL(rig, visit.has_ended);
    cr_assert_eq(visit.status, 200);
    cr_assert_str_eq(visit.body, "xxxxx");
    visit_close(&visit);
    h2_settle(rig);
    return peer;
}
