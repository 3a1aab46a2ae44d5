/* SPDX-License-Identifier: MIT */
/* rooms: h2 http base */
/* Client bytes into a server session: events come in order, once, and hold nothing that is unsafe
 * to forward. */
#include "h2/session.h"

#include "http/characters.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS_MAX 40

struct message {
    struct h2_stream *stream; /* NULL: free */
    struct arena arena;
    struct http_request request;
    struct http_fields trailers;
    int64_t left; /* bytes due of content-length; HTTP_LENGTH_UNKNOWN */
    size_t held;
    size_t to_send;
    bool has_request;
    bool has_ended;
};

struct owner {
    struct message messages[STREAMS_MAX];
    uint32_t open;
    uint8_t mood; /* what it does with requests */
};

static struct owner owner;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void release(struct message *message)
{
    check(message->stream != NULL);
    message->stream = NULL;
    arena_free(&message->arena);
    owner.open--;
}

static void reset(struct message *message)
{
    h2_reset(message->stream, H2_CANCEL);
    release(message);
}

static bool on_begin(void *object, struct h2_stream *stream, struct h2_target *target)
{
    check(object == &owner);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct message *message = &owner.messages[i];
        if (message->stream != NULL)
            continue;
        *message = (struct message){.stream = stream};
        arena_init(&message->arena, 1024);
        http_fields_init(&message->trailers, &message->arena);
        *target = (struct h2_target){.object = message,
                                     .arena = &message->arena,
                                     .request = &message->request,
                                     .trailers = &message->trailers};
        owner.open++;
        return true;
    }
    return false;
}

static void check_fields(const struct http_fields *fields)
{
    check(fields->count <= 101);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        check(http_is_token(field->name) && http_is_field_value(field->value));
        check(field->id != FIELD_CONTENT_LENGTH && field->id != FIELD_CONNECTION &&
              field->id != FIELD_TRANSFER_ENCODING && field->id != FIELD_UPGRADE);
        for (size_t at = 0; at < field->name.len; at++)
            check(field->name.data[at] < 'A' || field->name.data[at] > 'Z');
    }
}

static void check_request(const struct http_request *request)
{
    check_fields(&request->fields);
    check(http_is_token(request->method_text));
    check(request->target.len > 0 &&
          (request->target.data[0] == '/' || request->method == METHOD_OPTIONS));
    for (size_t i = 0; i < request->target.len; i++)
        check(http_char_is(request->target.data[i], HTTP_CHAR_TARGET));
    check(request->authority.len > 0);
    check(http_find_control(request->authority.data, request->authority.len) ==
          request->authority.len);
    check(http_fields_count(&request->fields, FIELD_HOST) == 1);
    check(http_fields_count(&request->fields, FIELD_COOKIE) <= 1);
    check((request->upgrade.len > 0) == (request->method == METHOD_CONNECT));
    check(request->content_length >= HTTP_LENGTH_UNKNOWN);
}

static void respond(struct message *message, int status, size_t body)
{
    struct http_response response = {
        .status = status, .content_length = (int64_t)body, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    http_fields_add(&response.fields, SLICE("X-Y"), SLICE("z"));
    message->to_send = body;
    h2_send_response(message->stream, &response, body == 0, 0);
}

static void on_request(void *object, bool ends)
{
    struct message *message = object;
    check(message->stream != NULL && !message->has_request && !message->has_ended);
    message->has_request = true;
    message->left = message->request.content_length;
    check_request(&message->request);
    check(!ends || message->left == 0);
    switch ((owner.mood + (unsigned)h2_stream_id(message->stream) / 2) % 5) {
    case 0:
        respond(message, 200, 0);
        break;
    case 1:
        respond(message, 103, 0);
        respond(message, 200, 50000);
        break;
    case 2:
        reset(message);
        break;
    case 3:
        respond(message, 404, 10);
        break;
    default:
        break;
    }
}

static void on_refused(void *object, enum error error)
{
    struct message *message = object;
    check(message->stream != NULL && !message->has_request);
    check(error == ERROR_HEAD_TOO_LARGE || error == ERROR_METHOD);
    respond(message, error_status(error), 5);
}

static void on_data(void *object, struct chain *bytes)
{
    struct message *message = object;
    check(message->stream != NULL && message->has_request && !message->has_ended);
    check(bytes->len > 0);
    if (message->left != HTTP_LENGTH_UNKNOWN) {
        check(bytes->len <= (uint64_t)message->left);
        message->left -= (int64_t)bytes->len;
    }
    message->held += bytes->len;
    chain_clear(bytes);
    check(message->held <= 2 * 1024 * 1024);
    if ((owner.mood & 8) == 0) {
        h2_consume(message->stream, message->held);
        message->held = 0;
    }
}

static void on_end(void *object)
{
    struct message *message = object;
    check(message->stream != NULL && message->has_request && !message->has_ended);
    check(message->left <= 0);
    message->has_ended = true;
    check_fields(&message->trailers);
    for (uint32_t i = 0; i < message->trailers.count; i++)
        check(http_is_trailer(&message->trailers.items[i]));
}

static enum h2_read on_read(void *object, struct chain *to, size_t max,
                            const struct http_fields **trailers)
{
    static const char zeros[4096];
    struct message *message = object;
    check(message->stream != NULL);
    size_t len = message->to_send < max ? message->to_send : max;
    len = len < sizeof(zeros) ? len : sizeof(zeros);
    chain_append(to, zeros, len);
    message->to_send -= len;
    if (message->to_send > 0)
        return H2_READ_MORE;
    *trailers = (owner.mood & 16) != 0 ? &message->trailers : NULL;
    return (owner.mood & 32) != 0 ? H2_READ_BROKEN : H2_READ_END;
}

static void on_closed(void *object, const struct h2_closing *closing)
{
    struct message *message = object;
    check(message->stream != NULL);
    check(closing->error <= 0 && !closing->is_untouched);
    release(message);
}

static const struct h2_events events = {
    .on_begin = on_begin,
    .on_request = on_request,
    .on_refused = on_refused,
    .on_data = on_data,
    .on_end = on_end,
    .on_read = on_read,
    .on_closed = on_closed,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char opening[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    struct chain_pool pool;
    struct chain in;
    struct chain out;
    struct h2_settings settings;
    if (size < 2)
        return 0;
    memset(&owner, 0, sizeof(owner));
    owner.mood = data[0];
    size_t piece = data[1] % 64 * 16 + 1;
    chain_pool_init(&pool);
    chain_init(&in, &pool);
    chain_init(&out, &pool);
    h2_settings_init(&settings, H2_SERVER);
    struct h2_session *session = h2_session_new(H2_SERVER, &settings, &events, &owner, &pool);
    chain_append(&in, opening, sizeof(opening)); /* with its NUL: the stream's last byte */
    check(h2_receive(session, &in, H2_ALL, 0) == H2_OPEN);
    for (size_t at = 2; at < size && !h2_is_done(session); at += piece) {
        chain_append(&in, data + at, size - at < piece ? size - at : piece);
        h2_receive(session, &in, H2_ALL, (double)at / 100);
        check(in.len == 0);
        for (unsigned turns = 0; h2_write(session, &out, 20000); turns++) {
            check(out.len >= 20000 && out.len < 20000 + 16384 + 9 && turns < 1000);
            chain_clear(&out);
        }
        chain_clear(&out);
        h2_linger(session, (double)at / 100);
        check(h2_stream_count(session) == owner.open);
    }
    h2_session_free(session);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (owner.messages[i].stream != NULL)
            release(&owner.messages[i]);
    }
    chain_pool_free(&pool);
    check(pool.held == 0);
    return 0;
}
