/* SPDX-License-Identifier: MIT */
/* Lists of fields: adding, finding, and what of them may be forwarded. */
#include "http/fields.h"

/* Ordinary heads have fewer: no list grows. */
#define FIELDS_FIRST_CAPACITY 24

static const struct slice field_names[FIELD_COUNT_] = {
#define X(name, text, hop) [FIELD_##name] = {text, sizeof(text) - 1},
    HTTP_FIELD_TABLE(X)
#undef X
};

static const bool field_hops[FIELD_COUNT_] = {
#define X(name, text, hop) [FIELD_##name] = hop,
    HTTP_FIELD_TABLE(X)
#undef X
};

/* By length and first letter, which the compiler knows, before the whole is compared. */
enum http_field_id http_field_lookup(struct slice name)
{
    char first = name.len > 0 ? (char)(name.data[0] | 0x20) : '\0';
#define X(id, text, hop)                                                                           \
    if (name.len == sizeof(text) - 1 && first == (text)[0] &&                                      \
        slice_equal_nocase(name, SLICE(text)))                                                     \
        return FIELD_##id;
    HTTP_FIELD_TABLE(X)
#undef X
    return FIELD_OTHER;
}

struct slice http_field_name(enum http_field_id id)
{
    return field_names[id];
}

bool http_field_is_hop_by_hop(enum http_field_id id)
{
    return field_hops[id];
}

void http_fields_init(struct http_fields *fields, struct arena *arena)
{
    *fields = (struct http_fields){.arena = arena};
}

static void grow(struct http_fields *fields)
{
    uint32_t capacity = fields->capacity ? fields->capacity * 2 : FIELDS_FIRST_CAPACITY;
    struct http_field *items = arena_alloc(fields->arena, capacity * sizeof(*items));
    if (fields->count > 0)
        memcpy(items, fields->items, fields->count * sizeof(*items));
    fields->items = items;
    fields->capacity = capacity;
}

static void append(struct http_fields *fields, struct http_field field)
{
    if (fields->count == fields->capacity)
        grow(fields);
    fields->items[fields->count++] = field;
}

void http_fields_add(struct http_fields *fields, struct slice name, struct slice value)
{
    append(fields, (struct http_field){name, value, http_field_lookup(name)});
}

const struct http_field *http_fields_find(const struct http_fields *fields, enum http_field_id id)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id == id)
            return &fields->items[i];
    }
    return NULL;
}

const struct http_field *http_fields_find_name(const struct http_fields *fields, struct slice name)
{
    enum http_field_id id = http_field_lookup(name);
    if (id != FIELD_OTHER)
        return http_fields_find(fields, id);
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id == FIELD_OTHER && slice_equal_nocase(fields->items[i].name, name))
            return &fields->items[i];
    }
    return NULL;
}

unsigned http_fields_count(const struct http_fields *fields, enum http_field_id id)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        count += fields->items[i].id == id;
    return count;
}

/* Where the member that starts at the beginning of s ends: at a comma outside of quotes. */
static size_t member_end(struct slice s)
{
    bool is_quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && s.data[i] == '\\')
            i++;
        else if (!is_quoted && s.data[i] == ',')
            return i;
    }
    return s.len;
}

bool http_list_next(struct slice *rest, struct slice *member)
{
    while (rest->len > 0) {
        size_t end = member_end(*rest);
        *member = slice_trim(slice_head(*rest, end));
        *rest = slice_from(*rest, end < rest->len ? end + 1 : end);
        if (member->len > 0)
            return true;
    }
    return false;
}

bool http_fields_has_token(const struct http_fields *fields, enum http_field_id id,
                           struct slice token)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id != id)
            continue;
        struct slice rest = fields->items[i].value;
        struct slice member;
        while (http_list_next(&rest, &member)) {
            if (slice_equal_nocase(member, token))
                return true;
        }
    }
    return false;
}
