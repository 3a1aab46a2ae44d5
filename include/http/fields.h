/* SPDX-License-Identifier: MIT */
/* Header and trailer fields (RFC 9110 section 5): an ordered list in an arena. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "base/arena.h"

/* Fields that nsgate itself acts on; every other one is FIELD_OTHER. X(NAME, "lower-case name",
 * is hop-by-hop (RFC 9110 section 7.6.1)) */
#define HTTP_FIELD_TABLE(X)                                                                        \
    X(CONNECTION, "connection", true)                                                              \
    X(CONTENT_LENGTH, "content-length", false)                                                     \
    X(CONTENT_TYPE, "content-type", false)                                                         \
    X(COOKIE, "cookie", false)                                                                     \
    X(DATE, "date", false)                                                                         \
    X(EXPECT, "expect", false)                                                                     \
    X(HOST, "host", false)                                                                         \
    X(KEEP_ALIVE, "keep-alive", true)                                                              \
    X(LOCATION, "location", false)                                                                 \
    X(PROXY_CONNECTION, "proxy-connection", true)                                                  \
    X(SERVER, "server", false)                                                                     \
    X(TE, "te", true)                                                                              \
    X(TRAILER, "trailer", false)                                                                   \
    X(TRANSFER_ENCODING, "transfer-encoding", true)                                                \
    X(UPGRADE, "upgrade", true)                                                                    \
    X(X_FORWARDED_FOR, "x-forwarded-for", false)                                                   \
    X(X_FORWARDED_HOST, "x-forwarded-host", false)                                                 \
    X(X_FORWARDED_PROTO, "x-forwarded-proto", false)                                               \
    X(X_TENANT, "x-tenant", false)

enum http_field_id {
    FIELD_OTHER,
#define X(name, text, hop) FIELD_##name,
    HTTP_FIELD_TABLE(X)
#undef X
        FIELD_COUNT_
};

struct http_field {
    struct slice name;  /* in the case in which it came */
    struct slice value; /* without surrounding white space */
    enum http_field_id id;
};

/* Embedded by its owner; items are in the arena. */
struct http_fields {
    struct http_field *items;
    uint32_t count;
    uint32_t capacity;
    struct arena *arena;
};

void http_fields_init(struct http_fields *fields, struct arena *arena);

/* Appends; name and value are not copied and must live as long as the arena. The id is found
 * from the name. */
void http_fields_add(struct http_fields *fields, struct slice name, struct slice value);

/* The first field of that id or name (any case); NULL when there is none. */
const struct http_field *http_fields_find(const struct http_fields *fields, enum http_field_id id);
const struct http_field *http_fields_find_name(const struct http_fields *fields, struct slice name);

/* How many fields have that id. */
unsigned http_fields_count(const struct http_fields *fields, enum http_field_id id);

/* Whether a comma-separated list field has that member, in any case (RFC 9110 section 5.6.1). */
bool http_fields_has_token(const struct http_fields *fields, enum http_field_id id,
                           struct slice token);

/* The next member of a comma-separated list; empty members are skipped. Returns false at the
 * end. *rest is moved behind it. */
bool http_list_next(struct slice *rest, struct slice *member);

enum http_field_id http_field_lookup(struct slice name);
struct slice http_field_name(enum http_field_id id); /* lower case */
bool http_field_is_hop_by_hop(enum http_field_id id);

/* Copies the fields that may be forwarded: not the hop-by-hop ones, not those that Connection
 * names (RFC 9110 section 7.6.1), not `HTTP2-Settings`. Connection can not name Host,
 * Content-Length or the like away: those of HTTP_FIELD_TABLE that are not hop-by-hop stay. A name
 * that is one of the table but for '_' in place of '-' is dropped: CGI-like servers take it for
 * that one. */
void http_fields_forward(struct http_fields *to, const struct http_fields *from);

/* token of RFC 9110 section 5.6.2; at least one character. */
bool http_is_token(struct slice s);

/* field-value of RFC 9110 section 5.5: no control byte but HTAB; no leading or trailing space. */
bool http_is_field_value(struct slice s);

/* Whether a field may stand in trailers (RFC 9110 section 6.5.1): nothing that frames, routes,
 * authenticates or describes the content. */
bool http_is_trailer(const struct http_field *field);

#endif
