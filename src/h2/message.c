/* SPDX-License-Identifier: MIT */
/* Complete heads made into requests, responses and trailers (RFC 9113 section 8.3). */
#include "session_internal.h"

/* -1: malformed; else the length, or HTTP_LENGTH_UNKNOWN without the field. */
static int parse_length(const struct h2_head *head, int64_t *length)
{
    uint64_t value;
    *length = HTTP_LENGTH_UNKNOWN;
    if (head->lengths == 0)
        return 0;
    if (slice_to_u64(head->length, INT64_MAX, &value) != 0)
        return ERROR_LENGTH;
    *length = (int64_t)value;
    return 0;
}

/* protocol = token [ "/" token ] (RFC 9110 section 7.8) */
static bool is_protocol(struct slice protocol)
{
    const char *slash = memchr(protocol.data, '/', protocol.len);
    size_t len = slash ? (size_t)(slash - protocol.data) : protocol.len;
    return http_is_token(slice_head(protocol, len)) &&
           (!slash || http_is_token(slice_from(protocol, len + 1)));
}

/* RFC 9113 section 8.5 and RFC 8441 section 4. ERROR_METHOD: a CONNECT to elsewhere. */
static int check_connect(const struct h2_head *head, const struct http_request *request)
{
    if (request->method != METHOD_CONNECT)
        return head->protocol.len == 0 ? 0 : ERROR_FIELD;
    if (head->protocol.len == 0)
        return head->scheme.len == 0 && head->path.len == 0 ? ERROR_METHOD : ERROR_FIELD;
    if (!head->stream->session->settings.connect_protocol || !is_protocol(head->protocol) ||
        head->lengths > 0)
        return ERROR_FIELD;
    return 0;
}

static int take_target(const struct h2_head *head, struct http_request *request)
{
    if (!slice_equal_nocase(head->scheme, SLICE("https")) &&
        !slice_equal_nocase(head->scheme, SLICE("http")))
        return ERROR_TARGET;
    /* Origin-form or the asterisk: never absolute (RFC 9113 section 8.3.1). */
    if (head->path.len == 0 || (head->path.data[0] != '/' && !slice_equal(head->path, SLICE("*"))))
        return ERROR_TARGET;
    return http_target_parse(request, head->path);
}

/* RFC 9113 section 8.3.1: both may be there when they agree; what goes on has one Host. */
static int take_authority(const struct h2_head *head, struct http_request *request)
{
    struct arena *arena = head->stream->target.arena;
    const struct http_field *host =
        head->hosts > 0 ? http_fields_find(&request->fields, FIELD_HOST) : NULL;
    if (head->authority.len == 0)
        return host ? http_authority_parse(request, arena, host->value) : ERROR_HOST;
    if (!host)
        http_fields_add(&request->fields, http_field_name(FIELD_HOST), head->authority);
    else if (!slice_equal_nocase(host->value, head->authority))
        return ERROR_HOST;
    return http_authority_parse(request, arena, head->authority);
}

/* RFC 9113 section 8.2.3: HTTP/2 splits cookies, nobody else does. */
static void join_cookies(struct http_fields *fields)
{
    size_t len = 0;
    uint32_t kept = 0;
    struct http_field *first = NULL;
    for (uint32_t i = 0; i < fields->count; i++)
        len += fields->items[i].id == FIELD_COOKIE ? fields->items[i].value.len + 2 : 0;
    char *text = arena_alloc(fields->arena, len);
    len = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->items[i];
        if (field.id != FIELD_COOKIE) {
            fields->items[kept++] = field;
            continue;
        }
        if (!first) {
            first = &fields->items[kept];
            fields->items[kept++] = field;
        }
        if (field.value.len == 0)
            continue;
        if (len > 0) {
            memcpy(text + len, "; ", 2);
            len += 2;
        }
        memcpy(text + len, field.value.data, field.value.len);
        len += field.value.len;
    }
    fields->count = kept;
    if (first)
        first->value = (struct slice){text, len};
}

static int fill_request(struct h2_head *head, struct http_request *request, bool ends)
{
    int error = check_connect(head, request);
    if (error == 0)
        error = take_target(head, request);
    if (error == 0)
        error = take_authority(head, request);
    if (error == 0)
        error = parse_length(head, &request->content_length);
    if (error != 0)
        return error;
    if (ends && request->content_length > 0)
        return ERROR_LENGTH;
    if (ends)
        request->content_length = 0;
    request->upgrade = head->protocol;
    if (head->cookies > 1)
        join_cookies(&request->fields);
    const struct http_field *expect = http_fields_find(&request->fields, FIELD_EXPECT);
    request->has_length = head->lengths > 0;
    request->expects_continue = expect && request->content_length != 0 &&
                                slice_equal_nocase(expect->value, SLICE("100-continue"));
    return 0;
}

int h2_make_request(struct h2_head *head, bool ends)
{
    struct h2_stream *stream = head->stream;
    struct http_request *request = stream->target.request;
    *request = (struct http_request){.version = HTTP_2, .fields = head->fields};
    if (head->method.len > 0 && !http_is_token(head->method))
        return ERROR_FIELD;
    request->method_text = head->method;
    request->method = http_method_lookup(head->method);
    stream->is_head = request->method == METHOD_HEAD;
    int error = ERROR_HEAD_TOO_LARGE;
    if (!head->is_large)
        error = head->method.len > 0 ? fill_request(head, request, ends) : ERROR_FIELD;
    stream->is_tunnel = error == 0 && request->method == METHOD_CONNECT;
    if (error == ERROR_HEAD_TOO_LARGE || error == ERROR_METHOD)
        http_fields_init(&request->fields, stream->target.arena);
    return error;
}

int h2_make_response(struct h2_head *head, bool ends)
{
    struct h2_stream *stream = head->stream;
    struct http_response *response = stream->target.response;
    int status = head->status;
    /* RFC 9113 section 8.6: there is no 101; section 8.1: an interim response ends nothing. */
    if (status == 0 || status == 101 || (status < 200 && ends))
        return ERROR_RESPONSE;
    bool is_empty = status < 200 || status == 204;
    *response = (struct http_response){.status = status, .fields = head->fields};
    response->has_body = !is_empty && status != 304 && !stream->is_head;
    if (parse_length(head, &response->content_length) != 0)
        return ERROR_RESPONSE;
    if (response->has_body && ends) {
        if (response->content_length > 0)
            return ERROR_RESPONSE;
        response->content_length = 0;
    }
    /* RFC 9110 section 8.6 forbids it there; nghttp2 lets no bytes follow. */
    if (is_empty)
        response->content_length = 0;
    if (stream->is_tunnel && status >= 200 && status < 300)
        response->content_length = HTTP_LENGTH_UNKNOWN;
    else if (status >= 200)
        stream->is_tunnel = false;
    return 0;
}

int h2_take_trailers(struct h2_head *head)
{
    struct http_fields *trailers = head->stream->target.trailers;
    for (uint32_t i = 0; trailers && i < head->fields.count; i++) {
        const struct http_field *field = &head->fields.items[i];
        if (http_is_trailer(field))
            http_fields_add(trailers, field->name, field->value);
    }
    return 0;
}
