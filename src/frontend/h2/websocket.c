/* SPDX-License-Identifier: MIT */
/* WebSocket over HTTP/2 (RFC 8441) in terms of HTTP/1.1 (RFC 6455): the handshake that the client
 * did not make is made, and checked, here. */
#include "h2/h2_internal.h"
#include "tls/digest.h"

#define FIELD_KEY     SLICE("sec-websocket-key")
#define FIELD_ACCEPT  SLICE("sec-websocket-accept")
#define FIELD_VERSION SLICE("sec-websocket-version")

static void remove_field(struct http_fields *fields, struct slice name)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < fields->count; i++) {
        if (!slice_equal_nocase(fields->items[i].name, name))
            fields->items[kept++] = fields->items[i];
    }
    fields->count = kept;
}

/* A fresh key in the fields, and what answers it (RFC 6455 section 4.2.2). */
static void add_key(struct front_stream *stream)
{
    struct http_fields *fields = &stream->exchange->request.fields;
    struct arena *arena = &stream->exchange->arena;
    char *key = arena_alloc(arena, WEBSOCKET_KEY + 1);
    char *accept = arena_alloc(arena, WEBSOCKET_ACCEPT + 1);

    websocket_key(key);
    websocket_accept(key, accept);
    http_fields_add(fields, FIELD_KEY, (struct slice){key, WEBSOCKET_KEY});
    stream->accept = accept;
}

bool front_h2_websocket_request(struct front_stream *stream)
{
    struct http_request *request = &stream->exchange->request;
    struct http_fields *fields = &request->fields;

    if (!slice_equal_nocase(request->upgrade, SLICE("websocket")))
        return false;
    request->method = METHOD_GET;
    request->method_text = SLICE("GET");
    request->upgrade = SLICE("websocket");
    request->content_length = 0;
    request->expects_continue = false;
    remove_field(fields, FIELD_KEY);
    remove_field(fields, FIELD_ACCEPT);
    add_key(stream);
    if (!http_fields_find_name(fields, FIELD_VERSION))
        http_fields_add(fields, FIELD_VERSION, SLICE("13"));
    return true;
}

bool front_h2_websocket_response(struct front_stream *stream)
{
    struct http_response *response = &stream->exchange->response;
    const struct http_field *accept = http_fields_find_name(&response->fields, FIELD_ACCEPT);
    struct slice upgrade = http_field_name(FIELD_UPGRADE);
    struct slice expected = {stream->accept, stream->accept ? WEBSOCKET_ACCEPT : 0};

    if (!stream->accept || !accept || !slice_equal(accept->value, expected) ||
        !http_fields_has_token(&response->fields, FIELD_UPGRADE, SLICE("websocket")))
        return false;
    remove_field(&response->fields, FIELD_ACCEPT);
    remove_field(&response->fields, upgrade);
    response->status = 200;
    response->reason = (struct slice){0};
    response->content_length = HTTP_LENGTH_UNKNOWN;
    response->has_body = true;
    return true;
}
