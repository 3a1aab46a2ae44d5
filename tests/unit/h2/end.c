/* SPDX-License-Identifier: MIT */
/* The owner of a session under test. */
#include "end.h"

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 13));
}

struct message *end_take(struct end *end)
{
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        struct message *message = &end->messages[i];
        if (message->is_used)
            continue;
        *message = (struct message){.end = end, .is_used = true};
        arena_init(&message->arena, 1024);
        http_fields_init(&message->trailers, &message->arena);
        return message;
    }
    return NULL;
}

/* Counters stay readable until the slot is taken again. */
static void forget(struct message *message)
{
    message->stream = NULL;
    if (message->is_used)
        arena_free(&message->arena);
    message->is_used = false;
}

struct h2_target end_target(struct message *message)
{
    return (struct h2_target){.object = message,
                              .arena = &message->arena,
                              .request = &message->request,
                              .response = &message->response,
                              .trailers = &message->trailers};
}

static bool on_begin(void *owner, struct h2_stream *stream, struct h2_target *target)
{
    struct end *end = owner;
    struct message *message = end->refuses ? NULL : end_take(end);
    if (message == NULL)
        return false;
    end->begun++;
    message->stream = stream;
    *target = end_target(message);
    return true;
}

static void on_request(void *object, bool ends)
{
    struct message *message = object;
    (void)ends;
    message->requests++;
    message->end->requests++;
    if (message->end->answer)
        message->end->answer(message);
}

static void on_refused(void *object, enum error error)
{
    struct message *message = object;
    message->refusals++;
    message->refusal = error;
    if (message->end->answer)
        message->end->answer(message);
}

static void on_response(void *object, bool ends)
{
    struct message *message = object;
    (void)ends;
    message->responses++;
    message->interims += message->response.status < 200;
}

static void on_data(void *object, struct chain *bytes)
{
    struct message *message = object;
    while (bytes->len > 0) {
        struct slice run = chain_first(bytes);
        for (size_t i = 0; i < run.len; i++) {
            if ((uint8_t)run.data[i] != pattern(message->received++))
                message->end->is_corrupted = true;
        }
        message->held += run.len;
        chain_consume(bytes, run.len);
    }
    if (!message->end->holds)
        end_consume(message);
}

void end_consume(struct message *message)
{
    h2_consume(message->stream, message->held);
    message->held = 0;
}

static void on_end(void *object)
{
    struct message *message = object;
    message->ends++;
}

static enum h2_read on_read(void *object, struct chain *to, size_t max,
                            const struct http_fields **trailers)
{
    struct message *message = object;
    message->reads++;
    if (message->end->reading)
        message->end->reading(message);
    if (message->stream == NULL)
        return H2_READ_WAIT;
    uint64_t len = message->to_send < max ? message->to_send : max;
    message->to_send -= len;
    while (len > 0) {
        size_t room;
        char *at = chain_reserve(to, 1, &room);
        if (room > len)
            room = (size_t)len;
        for (size_t i = 0; i < room; i++)
            at[i] = (char)pattern(message->sent++);
        chain_commit(to, room);
        len -= room;
    }
    if (message->to_send > 0)
        return H2_READ_MORE;
    if (message->breaks)
        return H2_READ_BROKEN;
    if (message->stays_open)
        return to->len > 0 ? H2_READ_MORE : H2_READ_WAIT;
    *trailers = message->send_trailers;
    return H2_READ_END;
}

static void on_closed(void *object, const struct h2_closing *closing)
{
    struct message *message = object;
    message->closing = *closing;
    message->closes++;
    message->end->closed++;
    forget(message);
}

static void on_settings(void *owner)
{
    struct end *end = owner;
    end->settings++;
}

static void on_goaway(void *owner, uint32_t last_stream, uint32_t code)
{
    struct end *end = owner;
    end->goaways++;
    end->goaway_last = last_stream;
    end->goaway_code = code;
}

static void on_pong(void *owner)
{
    struct end *end = owner;
    end->pongs++;
}

const struct h2_events end_events = {
    .on_begin = on_begin,
    .on_request = on_request,
    .on_refused = on_refused,
    .on_response = on_response,
    .on_data = on_data,
    .on_end = on_end,
    .on_read = on_read,
    .on_closed = on_closed,
    .on_settings = on_settings,
    .on_goaway = on_goaway,
    .on_pong = on_pong,
};

void end_open(struct end *end, enum h2_role role, const struct h2_settings *settings,
              struct chain_pool *pool)
{
    struct h2_settings defaults;
    h2_settings_init(&defaults, role);
    memset(end, 0, sizeof(*end));
    end->pool = pool;
    chain_init(&end->out, pool);
    end->session = h2_session_new(role, settings ? settings : &defaults, &end_events, end, pool);
}

void end_close(struct end *end)
{
    h2_session_free(end->session);
    for (unsigned i = 0; i < MESSAGES_MAX; i++)
        forget(&end->messages[i]);
    chain_clear(&end->out);
}

struct message *end_message(struct end *end, unsigned index)
{
    return &end->messages[index];
}

struct message *end_request(struct end *end, const char *method, const char *path, uint64_t body)
{
    struct message *message = end_take(end);
    struct h2_target target = end_target(message);
    struct http_request request = {.method_text = slice_of(method),
                                   .target = slice_of(path),
                                   .authority = SLICE("example.test"),
                                   .content_length = (int64_t)body};
    request.method = http_method_lookup(request.method_text);
    http_fields_init(&request.fields, &message->arena);
    message->to_send = body;
    message->stream = h2_send_request(end->session, &request, &target, body == 0);
    if (message->stream == NULL) {
        forget(message);
        return NULL;
    }
    return message;
}

void end_respond(struct message *message, uint64_t body)
{
    struct http_response response = {
        .status = 200, .content_length = (int64_t)body, .has_body = true};
    http_fields_init(&response.fields, &message->arena);
    message->to_send = body;
    h2_send_response(message->stream, &response, body == 0, 0);
}

void end_reset(struct message *message, uint32_t code)
{
    h2_reset(message->stream, code);
    forget(message);
}

static size_t carry(struct end *from, struct end *to)
{
    struct chain wire;
    size_t len;
    chain_init(&wire, from->pool);
    h2_write(from->session, &from->out, 64 * 1024);
    len = from->out.len;
    chain_move(&wire, &from->out, len);
    if (len > 0)
        to->verdict = h2_receive(to->session, &wire, H2_ALL, to->now);
    chain_clear(&wire);
    return len;
}

void end_pump(struct end *a, struct end *b)
{
    for (;;) {
        size_t moved = carry(a, b);
        moved += carry(b, a);
        if (moved == 0)
            return;
    }
}
