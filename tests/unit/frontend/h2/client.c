/* SPDX-License-Identifier: MIT */
/* An HTTP/2 client over a real socket, in the rig's loop: see the header. */
#include "frontend/h2/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_response(void *object, bool ends)
{
    struct h2_ask *ask = object;

    (void)ends;
    cr_assert_lt(ask->heads, 4);
    ask->statuses[ask->heads++] = ask->response.status;
}

static void on_data(void *object, struct chain *bytes)
{
    struct h2_ask *ask = object;
    size_t room = ask->size < sizeof(ask->body) - 1 ? sizeof(ask->body) - 1 - ask->size : 0;
    size_t len = bytes->len < room ? bytes->len : room;

    chain_peek(bytes, 0, ask->body + ask->size, len);
    ask->size += bytes->len;
    if (!ask->client->is_deaf && !ask->is_deaf)
        h2_consume(ask->handle, bytes->len);
    chain_clear(bytes);
}

static void on_end(void *object)
{
    ((struct h2_ask *)object)->ended = true;
}

static enum h2_read on_read(void *object, struct chain *to, size_t max,
                            const struct http_fields **trailers)
{
    struct h2_ask *ask = object;
    size_t len = ask->upload_len < max ? ask->upload_len : max;

    (void)trailers;
    if (len > 0)
        chain_append(to, ask->upload, len);
    ask->upload += len;
    ask->upload_len -= len;
    if (ask->upload_len == 0 && ask->upload_ends)
        return H2_READ_END;
    return len > 0 ? H2_READ_MORE : H2_READ_WAIT;
}

static void on_closed(void *object, const struct h2_closing *closing)
{
    struct h2_ask *ask = object;

    ask->closed = true;
    ask->closing = *closing;
    ask->handle = NULL;
}

static void on_settings(void *owner)
{
    ((struct h2_client *)owner)->settings++;
}

static void on_goaway(void *owner, uint32_t last, uint32_t code)
{
    struct h2_client *client = owner;

    (void)code;
    cr_assert_lt(client->goaways, 4);
    client->last[client->goaways++] = last;
}

static const struct h2_events events = {.on_response = on_response,
                                        .on_data = on_data,
                                        .on_end = on_end,
                                        .on_read = on_read,
                                        .on_closed = on_closed,
                                        .on_settings = on_settings,
                                        .on_goaway = on_goaway};

static void take(struct h2_client *client)
{
    struct chain in;
    size_t room;
    char *to;
    ssize_t got;

    chain_init(&in, &client->pool);
    to = chain_reserve(&in, BUFFER_SIZE, &room);
    got = recv(client->fd, to, room, MSG_DONTWAIT);
    chain_commit(&in, got > 0 ? (size_t)got : 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        client->ended = true;
    if (got > 0)
        h2_receive(client->session, &in, H2_ALL, loop_now(&client->rig->loop));
    chain_clear(&in);
}

static void give(struct h2_client *client)
{
    h2_write(client->session, &client->out, 64 * 1024);
    while (client->out.len > 0) {
        struct slice run = chain_first(&client->out);
        ssize_t sent = send(client->fd, run.data, run.len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        chain_consume(&client->out, (size_t)sent);
    }
}

void h2_client_turn(struct h2_client *client)
{
    give(client);
    rig_turn(client->rig);
    take(client);
}

void h2_client_open(struct h2_client *client, struct rig *rig)
{
    struct h2_settings settings;

    *client = (struct h2_client){.rig = rig, .fd = client_open(rig)};
    chain_pool_init(&client->pool);
    chain_init(&client->out, &client->pool);
    h2_settings_init(&settings, H2_CLIENT);
    client->session = h2_session_new(H2_CLIENT, &settings, &events, client, &client->pool);
    h2_until(client, client->settings > 0);
}

void h2_client_close(struct h2_client *client)
{
    h2_session_free(client->session);
    chain_clear(&client->out);
    chain_pool_free(&client->pool);
    close(client->fd);
}

void h2_ask_init(struct h2_ask *ask, const char *method, const char *path)
{
    memset(ask, 0, sizeof(*ask));
    arena_init(&ask->arena, 4096);
    ask->request = (struct http_request){.method = http_method_lookup(slice_of(method)),
                                         .method_text = slice_of(method),
                                         .target = slice_of(path),
                                         .authority = SLICE("a"),
                                         .content_length = 0};
    http_fields_init(&ask->request.fields, &ask->arena);
    http_fields_init(&ask->trailers, &ask->arena);
}

void h2_ask_send(struct h2_ask *ask, struct h2_client *client, bool ends)
{
    struct h2_target target = {.object = ask,
                               .arena = &ask->arena,
                               .response = &ask->response,
                               .trailers = &ask->trailers};

    ask->client = client;
    if (!ends)
        ask->request.content_length = HTTP_LENGTH_UNKNOWN;
    ask->handle = h2_send_request(client->session, &ask->request, &target, ends);
    cr_assert_not_null(ask->handle);
}

void h2_ask_upload(struct h2_ask *ask, const char *data, size_t len, bool ends)
{
    cr_assert_eq(ask->upload_len, 0);
    ask->upload = data;
    ask->upload_len = len;
    ask->upload_ends = ends;
    h2_resume(ask->handle);
}

void h2_ask_free(struct h2_ask *ask)
{
    arena_free(&ask->arena);
}

int h2_ask_simply(struct h2_client *client, const char *path)
{
    struct h2_ask ask;

    h2_ask_init(&ask, "GET", path);
    h2_ask_send(&ask, client, true);
    h2_until(client, ask.closed);
    h2_ask_free(&ask);
    return ask.closing.error == ERROR_NONE ? ask.response.status : 0;
}

void h2_ask_finish(struct h2_ask *ask, int back)
{
    struct h2_client *client = ask->client;

    h2_ask_free(ask);
    h2_client_close(client);
    close(back);
    rig_close(client->rig);
}
