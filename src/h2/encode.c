/* SPDX-License-Identifier: MIT */
/* Messages made into heads for HPACK (RFC 9113 section 8.3). nghttp2 copies them, and writes names
 * in lower case. */
#include "session_internal.h"

#include "base/memory.h"

#include <stdio.h>

/* A shorter cookie is a secret that could be guessed by what HPACK makes of guesses at it (RFC
 * 7541 section 7.1.3). */
#define COOKIE_GUESSABLE 20

static void add(struct h2_session *session, struct slice name, struct slice value, uint8_t flags)
{
    if (session->nv_count == session->nv_capacity) {
        session->nv_capacity = session->nv_capacity ? session->nv_capacity * 2 : 32;
        session->nv = memory_resize(session->nv, session->nv_capacity * sizeof(*session->nv));
    }
    session->nv[session->nv_count++] =
        (nghttp2_nv){(uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.len,
                     value.len, flags};
}

static void begin(struct h2_session *session)
{
    session->nv_count = 0;
}

static uint8_t index_flags(const struct http_field *field)
{
    bool is_secret = (field->id == FIELD_COOKIE && field->value.len < COOKIE_GUESSABLE) ||
                     (field->id == FIELD_OTHER &&
                      (slice_equal_nocase(field->name, SLICE("authorization")) ||
                       slice_equal_nocase(field->name, SLICE("proxy-authorization"))));
    return is_secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

/* Whoever filled the list is not trusted to have kept line ends out of it. */
static bool is_sound(const struct http_field *field)
{
    return http_is_token(field->name) && http_is_field_value(field->value);
}

/* All but those that this room writes itself and those of one hop. */
static void add_fields(struct h2_session *session, const struct http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->id == FIELD_CONTENT_LENGTH || http_field_is_hop_by_hop(field->id) ||
            !is_sound(field))
            continue;
        if (field->id == FIELD_HOST && session->role == H2_CLIENT)
            continue;
        add(session, field->name, field->value, index_flags(field));
    }
}

static void add_length(struct h2_session *session, int64_t length, struct h2_texts *texts)
{
    int len = snprintf(texts->length, sizeof(texts->length), "%lld", (long long)length);
    add(session, SLICE("content-length"), (struct slice){texts->length, (size_t)len}, 0);
}

bool h2_submit_trailers(struct h2_stream *stream, const struct http_fields *trailers)
{
    struct h2_session *session = stream->session;
    begin(session);
    for (uint32_t i = 0; i < trailers->count; i++) {
        const struct http_field *field = &trailers->items[i];
        if (http_is_trailer(field) && is_sound(field))
            add(session, field->name, field->value, 0);
    }
    return session->nv_count > 0 && nghttp2_submit_trailer(session->nghttp2, stream->id,
                                                           session->nv, session->nv_count) == 0;
}

/* ---- requests ---- */

/* RFC 9110 section 8.6: of these methods a receiver expects a body. */
static bool expects_body(enum http_method method)
{
    return method == METHOD_POST || method == METHOD_PUT || method == METHOD_PATCH;
}

void h2_encode_request(struct h2_session *session, const struct http_request *request,
                       bool is_tunnel, struct h2_texts *texts)
{
    begin(session);
    add(session, SLICE(":method"), is_tunnel ? SLICE("CONNECT") : request->method_text, 0);
    if (is_tunnel)
        add(session, SLICE(":protocol"), request->upgrade, 0);
    add(session, SLICE(":scheme"), session->settings.is_tls ? SLICE("https") : SLICE("http"), 0);
    if (request->authority.len > 0)
        add(session, SLICE(":authority"), request->authority, 0);
    add(session, SLICE(":path"), request->target, 0);
    add_fields(session, &request->fields);
    /* We take trailers and pass them on; gRPC servers ask for this. */
    add(session, SLICE("te"), SLICE("trailers"), 0);
    if (!is_tunnel && (request->content_length > 0 || request->has_length ||
                       (request->content_length == 0 && expects_body(request->method))))
        add_length(session, request->content_length, texts);
}

/* ---- responses ---- */

/* RFC 9110 section 8.6: a 304 that has no length of a representation to tell is 0. */
static bool tells_length(const struct h2_stream *stream, const struct http_response *response)
{
    if (response->status < 200 || response->status == 204 || stream->is_tunnel)
        return false;
    if (response->status == 304)
        return response->content_length > 0;
    return response->content_length >= 0;
}

void h2_encode_response(struct h2_stream *stream, const struct http_response *response, int64_t now,
                        struct h2_texts *texts)
{
    struct h2_session *session = stream->session;
    texts->status[0] = (char)('0' + response->status / 100);
    texts->status[1] = (char)('0' + response->status / 10 % 10);
    texts->status[2] = (char)('0' + response->status % 10);
    begin(session);
    add(session, SLICE(":status"), (struct slice){texts->status, sizeof(texts->status)}, 0);
    add_fields(session, &response->fields);
    if (response->status >= 200 && !http_fields_find(&response->fields, FIELD_DATE)) {
        http_date(now, texts->date);
        add(session, SLICE("date"), (struct slice){texts->date, sizeof(texts->date) - 1}, 0);
    }
    if (tells_length(stream, response))
        add_length(session, response->content_length, texts);
}
