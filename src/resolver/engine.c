/* SPDX-License-Identifier: MIT */
/* One GET of HTTP/1.1 over a Unix socket, held to limits of time and size. */
#include "engine_internal.h"

#include "h1/write.h"

#include "base/container_of.h"
#include "base/descriptor.h"

#include <stdio.h>

#define READ_MOST (64 * 1024) /* bytes of one read */

static const struct h1_limits limits = {.line_max = 8192, .head_max = 32768, .fields_max = 100};

/* ---- ending ---- */

static void call_clear(struct engine_call *call)
{
    if (call->stream)
        stream_close(call->stream);
    else
        TAILQ_REMOVE(&call->engine->waiting, call, next);
    call->stream = NULL;
    deadline_stop(&call->deadline);
    chain_clear(&call->in);
    chain_clear(&call->body);
    arena_free(&call->arena);
    call->engine = NULL;
}

void engine_cancel(struct engine_call *call)
{
    if (engine_is_busy(call))
        call_clear(call);
}

static void call_end(struct engine_call *call, const char *what, const char *why)
{
    struct engine_outcome outcome = {call->status, !call->stream, what, why};

    call_clear(call);
    call->events->on_end(call, &outcome);
}

static void call_fail(struct engine_call *call, int error)
{
    static const char unread[] = "the container engine's answer cannot be read";

    if (error == ERROR_END || error == ERROR_RESET)
        call_end(call, "the container engine closed the connection", NULL);
    else if (error == ERROR_RESPONSE)
        call_end(call, unread, "it is malformed");
    else if (error == ERROR_RESPONSE_TOO_LARGE)
        call_end(call, unread, "it is too large");
    else
        call_end(call, unread, error_text((enum error)error));
}

static void call_on_expired(struct deadline *deadline)
{
    struct engine_call *call = CONTAINER_OF(deadline, struct engine_call, deadline);

    call_end(call, "the container engine does not answer in time", NULL);
}

void engine_describe(const struct engine_outcome *outcome, char text[ENGINE_TEXT])
{
    if (outcome->what)
        snprintf(text, ENGINE_TEXT, "%s%s%s", outcome->what, outcome->why ? ": " : "",
                 outcome->why ? outcome->why : "");
    else if (outcome->status != 200)
        snprintf(text, ENGINE_TEXT, "the container engine answers with status %d", outcome->status);
    else
        snprintf(text, ENGINE_TEXT, "the container engine's answer has ended early");
}

/* ---- reading ---- */

/* Interim answers (RFC 9110 section 15.2) are passed over. Returns a verdict or an error. */
static int call_read_head(struct engine_call *call)
{
    struct http_response response;
    struct h1_head_facts facts;
    int verdict;

    do {
        arena_reset(&call->arena);
        verdict = h1_read_response(&call->head, &call->in, &limits, METHOD_GET,
                                   &(struct h1_response_sink){&call->arena, &response, &facts});
    } while (verdict == H1_DONE && response.status < 200 && response.status != 101);
    if (verdict != H1_DONE)
        return verdict;
    call->status = response.status;
    h1_body_start(&call->reader, &facts);
    return H1_DONE;
}

/* What has come of the body goes to the owner. Returns a verdict or an error. */
static int call_read_body(struct engine_call *call)
{
    struct http_fields trailers;
    int verdict, error = 0;

    http_fields_init(&trailers, &call->arena);
    verdict = call->reader.framing == H1_NO_BODY
                  ? H1_DONE
                  : h1_read_body(&call->reader, &call->in, &limits,
                                 &(struct h1_body_sink){&call->body, SIZE_MAX, &trailers});
    if (call->body.len > 0)
        error = call->events->on_body(call, &call->body);
    return error != 0 ? error : verdict;
}

/* Goes on with what was read. Returns false when the call is over, or another has begun on it. */
static bool call_advance(struct engine_call *call)
{
    const struct stream *stream = call->stream;
    int verdict;

    if (call->status == 0) {
        verdict = call_read_head(call);
        if (verdict == H1_MORE)
            return true;
        if (verdict < 0 || call->status != 200) {
            if (verdict < 0)
                call_fail(call, verdict);
            else
                call_end(call, NULL, NULL);
            return false;
        }
        if (call->is_endless)
            deadline_clear(&call->deadline);
        if (call->events->on_open)
            call->events->on_open(call);
        if (call->stream != stream)
            return false;
    }
    verdict = call_read_body(call);
    if (call->stream != stream)
        return false;
    if (verdict < 0)
        call_fail(call, verdict);
    else if (verdict == H1_DONE)
        call_end(call, NULL, NULL);
    return verdict == H1_MORE;
}

static void call_on_readable(void *owner)
{
    struct engine_call *call = owner;
    long count = stream_read(call->stream, &call->in, READ_MOST);

    if (count > 0 && !call_advance(call))
        return;
    if (count >= 0)
        return;
    if (count == ERROR_END && call->status != 0 && call->reader.framing == H1_UNTIL_CLOSE)
        call_end(call, NULL, NULL);
    else
        call_fail(call, (int)count);
}

static void call_on_writable(void *owner)
{
    (void)owner; /* the request is all that is written */
}

static void call_on_failed(void *owner, enum error error)
{
    call_fail(owner, error);
}

/* ---- asking ---- */

static const struct stream_events stream_events = {
    .on_readable = call_on_readable, .on_writable = call_on_writable, .on_failed = call_on_failed};

static void call_ask(struct engine_call *call)
{
    struct http_request request = {.method = METHOD_GET,
                                   .method_text = SLICE("GET"),
                                   .target = slice_of(call->target),
                                   .authority = SLICE("localhost")};
    struct chain out;

    http_fields_init(&request.fields, &call->arena);
    http_fields_add(&request.fields, SLICE("User-Agent"), SLICE("nsgate"));
    http_fields_add(&request.fields, SLICE("Accept"), SLICE("application/json"));
    chain_init(&out, &call->engine->loop->buffers);
    h1_write_request(&out, &request);
    stream_write(call->stream, &out);
}

void engine_on_connection(struct engine *engine, int fd, int error, struct slice path)
{
    struct engine_call *call = TAILQ_FIRST(&engine->waiting);

    if (!call) { /* it has been given up */
        descriptor_close(fd);
        return;
    }
    if (fd < 0) {
        snprintf(engine->refusal, sizeof(engine->refusal), "%s (%.*s)", error_reason(error),
                 SLICE_PRINTF(path));
        call_end(call, "cannot connect to the container engine", engine->refusal);
        return;
    }
    TAILQ_REMOVE(&engine->waiting, call, next);
    call->stream = stream_new(engine->loop, fd, &stream_events, call);
    call_ask(call);
}

void engine_get(struct engine *engine, struct engine_call *call, const char *target,
                const struct engine_events *events)
{
    call->engine = engine;
    call->events = events;
    call->target = target;
    call->status = 0;
    call->head = (struct h1_head_reader){0};
    arena_init(&call->arena, 4096);
    chain_init(&call->in, &engine->loop->buffers);
    chain_init(&call->body, &engine->loop->buffers);
    deadline_init(&call->deadline, engine->loop, call_on_expired);
    deadline_set(&call->deadline, ENGINE_SECONDS);
    TAILQ_INSERT_TAIL(&engine->waiting, call, next);
    engine->want_connection(engine->owner);
}

void engine_init(struct engine *engine, struct loop *loop, void (*want_connection)(void *owner),
                 void *owner)
{
    *engine = (struct engine){.loop = loop, .want_connection = want_connection, .owner = owner};
    TAILQ_INIT(&engine->waiting);
}
