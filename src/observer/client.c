/* SPDX-License-Identifier: MIT */
/* One client: its requests, one after the other, and their answers. */
#include "server_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "h1/write.h"

#include <arpa/inet.h>

#define READ_MOST (16 * 1024) /* bytes of one read */
#define PIECE     (32 * 1024) /* bytes of an answer that are queued at a time */

/* Seconds. */
#define LIMIT_HEAD  5.0  /* for a whole head */
#define LIMIT_IDLE  75.0 /* between an answer and the next head */
#define LIMIT_WRITE 30.0 /* for a whole answer */
#define LIMIT_END   1.0  /* until the other end has closed */

static const struct h1_limits limits = {.line_max = 4096, .head_max = 16384, .fields_max = 64};

/* ---- the end ---- */

static void client_on_grave(struct loop_task *grave)
{
    struct client *client = CONTAINER_OF(grave, struct client, grave);

    free(client->names);
    free(client);
}

static void client_forget(struct client *client)
{
    text_unref(client->text);
    client->text = NULL;
    feed_free(client->feed);
    client->feed = NULL;
}

void client_close(struct client *client)
{
    struct server *server = client->server;

    if (!client->stream)
        return;
    stream_close(client->stream);
    client->stream = NULL;
    deadline_stop(&client->limit);
    chain_clear(&client->in);
    arena_free(&client->arena);
    client_forget(client);
    TAILQ_REMOVE(&server->clients, client, next);
    server->count--;
    loop_bury(server->loop, &client->grave);
    server_on_room(server);
}

static void client_on_limit(struct deadline *limit)
{
    client_close(CONTAINER_OF(limit, struct client, limit));
}

/* The answer arrives before our reset could: the other end closes first, or has a moment. */
static void client_end(struct client *client)
{
    client->state = CLIENT_ENDING;
    stream_end(client->stream);
    stream_resume(client->stream);
    deadline_set(&client->limit, LIMIT_END);
}

/* ---- answers ---- */

static void client_read_next(struct client *client);

/* Returns whether all is written. */
static bool client_write_feed(struct client *client)
{
    char *piece = client->server->piece;
    struct chain out, body;

    chain_init(&out, &client->server->loop->buffers);
    chain_init(&body, &client->server->loop->buffers);
    while (!stream_is_full(client->stream)) {
        size_t len = feed_read(client->feed, piece, METRICS_PIECE);

        chain_append(&body, piece, len);
        h1_write_body(&out, &body, client->framing);
        if (len == 0)
            h1_write_end(&out, client->framing, NULL);
        stream_write(client->stream, &out);
        if (len == 0)
            return true;
    }
    return false;
}

/* The same. */
static bool client_write_text(struct client *client)
{
    struct chain out;
    struct slice rest;

    chain_init(&out, &client->server->loop->buffers);
    while (!stream_is_full(client->stream) && client->written < client->text->bytes.len) {
        rest = slice_head(slice_from(client->text->bytes, client->written), PIECE);
        chain_append_slice(&out, rest);
        client->written += rest.len;
        stream_write(client->stream, &out);
    }
    return client->written == client->text->bytes.len;
}

static void client_end_answer(struct client *client)
{
    client_forget(client);
    if (client->is_kept)
        client_read_next(client);
    else
        client_end(client);
}

static void client_write_some(struct client *client)
{
    if (client->feed ? client_write_feed(client) : client_write_text(client))
        client_end_answer(client);
}

static void client_write_head(struct client *client, int status)
{
    struct http_response response = {
        .status = status,
        .content_length = client->feed ? HTTP_LENGTH_UNKNOWN : (int64_t)client->text->bytes.len,
        .has_body = client->method != METHOD_HEAD};
    const struct h1_response_options options = {client->version, client->method, client->is_kept};
    struct chain out;

    http_fields_init(&response.fields, &client->arena);
    http_fields_add(
        &response.fields, SLICE("Content-Type"),
        slice_of(client->feed && client->feed->type ? client->feed->type : client->page->type));
    if (client->feed && client->feed->varies)
        http_fields_add(&response.fields, SLICE("Vary"), SLICE("Accept, Accept-Encoding"));
    if (client->feed && client->feed->pack)
        http_fields_add(&response.fields, SLICE("Content-Encoding"), SLICE("gzip"));
    http_fields_add(&response.fields, SLICE("Cache-Control"), SLICE("no-store"));
    http_fields_add(&response.fields, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
    http_fields_add(&response.fields, SLICE("Referrer-Policy"), SLICE("no-referrer"));
    http_fields_add(&response.fields, SLICE("Cross-Origin-Resource-Policy"), SLICE("same-origin"));
    if (client->page->policy)
        http_fields_add(&response.fields, SLICE("Content-Security-Policy"),
                        slice_of(client->page->policy));
    if (status == 405)
        http_fields_add(&response.fields, SLICE("Allow"), SLICE("GET, HEAD"));
    chain_init(&out, &client->server->loop->buffers);
    client->framing =
        h1_write_response(&out, &response, &options, (int64_t)loop_wall(client->server->loop));
    client->is_kept = client->is_kept && client->framing != H1_UNTIL_CLOSE;
    stream_write(client->stream, &out);
}

/* With a feed, HEAD has none of it. */
static int client_make(struct client *client)
{
    struct server *server = client->server;
    int status;

    if (!client->page->open)
        return client->page->make(&server->status, &client->text);
    status = client->page->open(&client->feed, &server->looks, &client->asked);
    server_cut_behind(server);
    if (!client->feed)
        client->text =
            text_copy(status == 404 ? SLICE("{\"error\": \"there is no such tenant\"}\n")
                                    : SLICE("{\"error\": \"the figures are not known\"}\n"));
    return status;
}

void client_go_on(struct client *client)
{
    int status = client_make(client);

    client->state = CLIENT_WRITING;
    client->since = loop_now(client->server->loop);
    client->written = 0;
    deadline_set(&client->limit, LIMIT_WRITE);
    client_write_head(client, status);
    if (client->method == METHOD_HEAD)
        client_end_answer(client);
    else
        client_write_some(client);
}

size_t client_keeps(const struct client *client)
{
    const struct server *server = client->server;
    const struct look *look = client->feed ? client->feed->look : NULL;

    if (client->state != CLIENT_WRITING)
        return 0;
    if (look)
        return look == server->looks.last ? 0 : look->snapshot->size / look->references;
    return client->text == server->status.json ? 0
                                               : client->text->bytes.len / client->text->references;
}

static void client_answer(struct client *client, const struct page *page)
{
    client->page = page;
    client->state = CLIENT_WAITING;
    if (page->needs_status && !status_is_there(&client->server->status))
        deadline_set(&client->limit, STATUS_LIMIT + LIMIT_END);
    else
        client_go_on(client);
}

/* ---- requests ---- */

static bool host_is_address(struct slice host)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];

    if (host.len > 2 && host.data[0] == '[') /* what is in brackets was found to be one */
        return true;
    if (host.len >= sizeof(text))
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, bytes) == 1;
}

/* A page of somebody's that a browser shows must not read ours by a name of its own that leads to
 * our address (DNS rebinding). Who sends no Host is no browser. */
static bool client_may_see(const struct client *client, struct slice host)
{
    struct slice names = slice_of(client->names);

    if (!client->names || host.len == 0 || host_is_address(host))
        return true;
    while (names.len > 0) {
        const char *end = memchr(names.data + 1, ' ', names.len - 1);
        size_t len = end ? (size_t)(end - names.data) : names.len;

        if (slice_equal(slice_from(slice_head(names, len), 1), host))
            return true;
        names = slice_from(names, len);
    }
    return false;
}

static const struct page *client_choose(const struct client *client,
                                        const struct http_request *request)
{
    if (!client_may_see(client, request->host))
        return pages_refusal(421);
    if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        return pages_refusal(405);
    return pages_find(request->path);
}

/* What comes behind the head is not read, be it a body or another request: the connection ends
 * behind the answer. */
static void client_take_head(struct client *client)
{
    struct http_request request;
    struct h1_head_facts facts;
    int verdict;

    arena_reset(&client->arena);
    verdict = h1_read_request(&client->head, &client->in, &limits,
                              &(struct h1_request_sink){&client->arena, &request, &facts});
    if (verdict == H1_MORE)
        return;
    stream_pause(client->stream);
    client->version = verdict == H1_DONE ? request.version : HTTP_1_1;
    client->method = verdict == H1_DONE ? request.method : METHOD_GET;
    client->is_kept = verdict == H1_DONE && facts.keep_alive && facts.framing == H1_NO_BODY &&
                      client->in.len == 0;
    client->asked = (struct feed_request){0};
    if (verdict == H1_DONE)
        client->asked = (struct feed_request){request.query, request.fields};
    client_answer(client,
                  verdict == H1_DONE ? client_choose(client, &request) : pages_refusal(400));
}

bool client_is_idle(const struct client *client)
{
    return client->state == CLIENT_READING && client->in.len == 0;
}

static void client_read_next(struct client *client)
{
    struct clients *clients = &client->server->clients;

    client->state = CLIENT_READING;
    TAILQ_REMOVE(clients, client, next);
    TAILQ_INSERT_TAIL(clients, client, next);
    deadline_set(&client->limit, LIMIT_IDLE);
    stream_resume(client->stream);
    server_on_room(client->server);
}

static void client_on_readable(void *owner)
{
    struct client *client = owner;
    bool was_idle = client_is_idle(client);
    long count = stream_read(client->stream, &client->in, READ_MOST);

    if (client->state == CLIENT_ENDING) {
        chain_clear(&client->in);
        if (count < 0)
            client_close(client);
        return;
    }
    if (was_idle && count > 0)
        deadline_set(&client->limit, LIMIT_HEAD);
    if (client->state == CLIENT_READING && client->in.len > 0)
        client_take_head(client);
    if (count < 0 && client->state == CLIENT_READING)
        client_close(client);
}

static void client_on_writable(void *owner)
{
    struct client *client = owner;

    if (client->state == CLIENT_WRITING)
        client_write_some(client);
}

static void client_on_failed(void *owner, enum error error)
{
    (void)error;
    client_close(owner);
}

static const struct stream_events client_events = {.on_readable = client_on_readable,
                                                   .on_writable = client_on_writable,
                                                   .on_failed = client_on_failed};

void client_new(struct server *server, int fd, const struct server_place *place)
{
    struct client *client = memory_zeroed(1, sizeof(*client));

    client->server = server;
    client->names = place->is_local ? NULL : memory_text(place->names);
    client->grave.run = client_on_grave;
    client->state = CLIENT_READING;
    chain_init(&client->in, &server->loop->buffers);
    arena_init(&client->arena, 1024);
    deadline_init(&client->limit, server->loop, client_on_limit);
    deadline_set(&client->limit, LIMIT_HEAD);
    client->stream = stream_new(server->loop, fd, &client_events, client);
    TAILQ_INSERT_TAIL(&server->clients, client, next);
    server->count++;
}
