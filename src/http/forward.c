/* SPDX-License-Identifier: MIT */
/* Which fields go on to the next hop, and which may stand behind a body. */
#include "http/fields.h"

/* Longer than any name of HTTP_FIELD_TABLE. */
#define NAME_MAX_KNOWN 32

/* Whether Connection names anything that is not dropped anyway. */
static bool connection_names_others(const struct http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id != FIELD_CONNECTION)
            continue;
        struct slice rest = fields->items[i].value;
        struct slice member;
        while (http_list_next(&rest, &member)) {
            if (http_field_lookup(member) == FIELD_OTHER &&
                !slice_equal_nocase(member, SLICE("close")))
                return true;
        }
    }
    return false;
}

/* Gateways to CGI's environment take X_Tenant for X-Tenant: such a twin of a field that nsgate
 * vouches for must not slip past. */
static bool is_disguised(struct slice name)
{
    char dashed[NAME_MAX_KNOWN];
    if (name.len > sizeof(dashed) || !memchr(name.data, '_', name.len))
        return false;
    for (size_t i = 0; i < name.len; i++)
        dashed[i] = name.data[i] == '_' ? '-' : name.data[i];
    return http_field_lookup((struct slice){dashed, name.len}) != FIELD_OTHER;
}

void http_fields_forward(struct http_fields *to, const struct http_fields *from)
{
    bool names_others = connection_names_others(from);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct http_field *field = &from->items[i];
        if (field->id == FIELD_OTHER) {
            if (names_others && http_fields_has_token(from, FIELD_CONNECTION, field->name))
                continue;
            /* RFC 9113 section 3.1: h2c by Upgrade is not passed on. */
            if (slice_equal_nocase(field->name, SLICE("http2-settings")))
                continue;
            if (is_disguised(field->name))
                continue;
        } else if (http_field_is_hop_by_hop(field->id)) {
            continue;
        }
        http_fields_add(to, field->name, field->value);
    }
}

/* What a recipient acts on before it has the body, besides the names of HTTP_FIELD_TABLE. */
static const char *const not_trailers[] = {
    "accept-encoding",
    "age",
    "authorization",
    "cache-control",
    "expires",
    "forwarded",
    "http2-settings",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "retry-after",
    "set-cookie",
    "vary",
    "warning",
    "www-authenticate",
    "x-real-ip",
};

static bool has_prefix_nocase(struct slice name, struct slice prefix)
{
    return slice_equal_nocase(slice_head(name, prefix.len), prefix);
}

bool http_is_trailer(const struct http_field *field)
{
    if (field->id != FIELD_OTHER || is_disguised(field->name))
        return false;
    /* RFC 9530 section 2: a digest is meant for trailers. */
    if (has_prefix_nocase(field->name, SLICE("content-")))
        return slice_equal_nocase(field->name, SLICE("content-digest"));
    if (has_prefix_nocase(field->name, SLICE("if-")))
        return false;
    for (size_t i = 0; i < sizeof(not_trailers) / sizeof(not_trailers[0]); i++) {
        if (slice_equal_nocase(field->name, slice_of(not_trailers[i])))
            return false;
    }
    return true;
}
