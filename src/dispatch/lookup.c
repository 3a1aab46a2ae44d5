/* SPDX-License-Identifier: MIT */
/* Values that a request carries under names of its own: fields, arguments, cookies. */
#include "dispatch_internal.h"

struct slice lookup_joined(struct arena *arena, const struct http_fields *fields, struct slice name,
                           struct slice separator)
{
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
    char *text = arena_alloc(arena, len);
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
    struct slice value =
        lookup_joined(&exchange->arena, &exchange->request.fields, name, separator);
    return value.data ? value : framing_field(exchange, id);
}

/* RFC 4648 section 4: bytes of whole groups of four; false for what is none. */
static bool decode_group(const char *text, size_t len, char *out, size_t *count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t used = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *digit = i < len && text[i] != '=' ? memchr(digits, text[i], 64) : NULL;
        if (digit && used == i)
            used++;
        else if (digit || (i < len && text[i] != '='))
            return false;
        bits = bits << 6 | (digit ? (uint32_t)(digit - digits) : 0);
    }
    if (used < 2)
        return false;
    *count = used - 1;
    out[0] = (char)(bits >> 16);
    out[1] = (char)(bits >> 8);
    out[2] = (char)bits;
    return true;
}

struct slice lookup_user(struct exchange *exchange)
{
    const struct http_field *field =
        http_fields_find_name(&exchange->request.fields, SLICE("authorization"));
    if (!field || !slice_equal_nocase(slice_head(field->value, 6), SLICE("basic ")))
        return (struct slice){0};
    struct slice coded = slice_trim(slice_from(field->value, 6));
    char *text = arena_alloc(&exchange->arena, coded.len / 4 * 3 + 3);
    size_t len = 0, count;
    for (size_t at = 0; at < coded.len; at += 4) {
        if (!decode_group(coded.data + at, coded.len - at, text + len, &count))
            return (struct slice){0};
        len += count;
    }
    const char *colon = memchr(text, ':', len);
    return colon ? (struct slice){text, (size_t)(colon - text)} : (struct slice){0};
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
