/* SPDX-License-Identifier: MIT */
/* Values that a request carries under names of its own: fields, arguments, cookies. */
#include "dispatch_internal.h"

struct slice lookup_joined(struct exchange *exchange, struct slice name, struct slice separator)
{
    const struct http_fields *fields = &exchange->request.fields;
    struct slice only = {0};
    size_t len = 0;
    unsigned count = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (!slice_equal_nocase(fields->items[i].name, name))
            continue;
        only = fields->items[i].value;
        len += only.len + (count++ > 0 ? separator.len : 0);
    }
    if (count <= 1)
        return only;
    char *text = arena_alloc(&exchange->arena, len);
    char *at = text;
    unsigned joined = 0;
    for (uint32_t i = 0; i < fields->count && joined < count; i++) {
        const struct http_field *field = &fields->items[i];
        if (!slice_equal_nocase(field->name, name))
            continue;
        if (joined++ > 0) {
            memcpy(at, separator.data, separator.len);
            at += separator.len;
        }
        if (field->value.len > 0)
            memcpy(at, field->value.data, field->value.len);
        at += field->value.len;
    }
    return (struct slice){text, (size_t)(at - text)};
}

/* What the codec took out of the fields is still the client's to ask for. */
static struct slice framing_field(struct exchange *exchange, enum http_field_id id)
{
    const struct http_request *request = &exchange->request;
    if (id == FIELD_HOST)
        return request->authority;
    if (id == FIELD_UPGRADE)
        return request->upgrade;
    if (id == FIELD_CONTENT_LENGTH && (request->content_length > 0 || request->has_length))
        return arena_printf(&exchange->arena, "%lld", (long long)request->content_length);
    if (id == FIELD_TRANSFER_ENCODING && request->content_length == HTTP_LENGTH_UNKNOWN &&
        request->version == HTTP_1_1)
        return SLICE("chunked");
    return (struct slice){0};
}

struct slice lookup_field(struct exchange *exchange, struct slice name)
{
    enum http_field_id id = http_field_lookup(name);
    /* Cookie alone is not a comma-separated list (RFC 9113 section 8.2.3). */
    struct slice separator = id == FIELD_COOKIE ? SLICE("; ") : SLICE(", ");
    struct slice value = lookup_joined(exchange, name, separator);
    return value.len > 0 ? value : framing_field(exchange, id);
}

struct slice lookup_argument(struct slice query, struct slice name)
{
    while (query.len > 0) {
        const char *end = memchr(query.data, '&', query.len);
        struct slice pair = end ? slice_head(query, (size_t)(end - query.data)) : query;
        if (pair.len > name.len && pair.data[name.len] == '=' &&
            slice_equal_nocase(slice_head(pair, name.len), name))
            return slice_from(pair, name.len + 1);
        query = slice_from(query, pair.len + 1);
    }
    return (struct slice){0};
}

static bool find_cookie(struct slice line, struct slice name, struct slice *value)
{
    while (line.len > 0) {
        const char *end = memchr(line.data, ';', line.len);
        struct slice part = end ? slice_head(line, (size_t)(end - line.data)) : line;
        struct slice pair = slice_trim(part);
        const char *equals = pair.len > 0 ? memchr(pair.data, '=', pair.len) : NULL;
        size_t split = equals ? (size_t)(equals - pair.data) : 0;
        if (equals && slice_equal_nocase(slice_trim(slice_head(pair, split)), name)) {
            *value = slice_trim(slice_from(pair, split + 1));
            return true;
        }
        line = slice_from(line, part.len + 1);
    }
    return false;
}

struct slice lookup_cookie(const struct http_fields *fields, struct slice name)
{
    struct slice value = {0};
    for (uint32_t i = 0; i < fields->count; i++)
        if (fields->items[i].id == FIELD_COOKIE &&
            find_cookie(fields->items[i].value, name, &value))
            break;
    return value;
}
