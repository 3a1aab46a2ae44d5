/* SPDX-License-Identifier: MIT */
/* Request and response heads, as every version of HTTP has them (RFC 9110 section 6). */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "http/fields.h"

enum http_method {
    METHOD_OTHER, /* any other token */
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_LOCK,
    METHOD_TRACE,
    METHOD_CONNECT
};

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

/* The length of a body is not known: it ends when its sender says so. */
#define HTTP_LENGTH_UNKNOWN (-1)

/* All slices live in the arena of the exchange. */
struct http_request {
    enum http_method method;
    enum http_version version; /* in which the client spoke */
    struct slice line; /* HTTP/1: the first one, as the client sent it, even if it is wrong */
    struct slice method_text;
    struct slice target;       /* origin-form or "*", as the client sent it: "/a%20b?x=1" */
    struct slice path;         /* of target, without the query; still encoded */
    struct slice query;        /* without the '?' */
    bool has_query;            /* "/a?" has an empty one */
    struct slice authority;    /* host[:port] of Host, :authority or an absolute target */
    struct slice host;         /* its host, lower case, without port and final dot; may be empty */
    struct slice upgrade;      /* protocol to switch to, as the client wrote it; empty: none */
    bool expects_continue;     /* and has content */
    bool has_length;           /* the client sent a Content-Length, perhaps of 0 */
    int64_t content_length;    /* 0: no body; HTTP_LENGTH_UNKNOWN: streamed */
    struct http_fields fields; /* all but those of framing: no Transfer-Encoding, Content-Length */
};

struct http_response {
    int status;                /* 100 to 999; from 600 on it means what 5xx means */
    struct slice reason;       /* may be empty */
    int64_t content_length;    /* of the body that follows, or would for HEAD and 304 */
    bool has_body;             /* false for HEAD, 1xx, 204, 304 (RFC 9110 section 6.4.1) */
    struct http_fields fields; /* all but those of framing */
};

/* METHOD_OTHER for any other; methods are case-sensitive (RFC 9110 section 9.1). */
enum http_method http_method_lookup(struct slice text);

/* Whether a request that a server may have processed can be sent again: nginx's rule, by which only
 * POST, LOCK and PATCH cannot. */
bool http_method_is_repeatable(enum http_method method);

/* The standard reason phrase; "" for unknown ones. */
const char *http_reason(int status);

/* Splits a target into path and query and refuses bytes outside RFC 3986's set as a strict server
 * does: control bytes, space, DEL, '#'. target: origin-form, absolute-form (then *authority is
 * set) or "*" (OPTIONS only). request->method must be set; an absolute-form with a query but no
 * path is put together in request->fields.arena. Returns 0 or ERROR_TARGET. */
int http_target_parse(struct http_request *request, struct slice target);

/* Checks host[:port] of RFC 3986 section 3.2 (no user information) and sets request->authority and
 * ->host, allocating in the arena. An empty host is malformed. Returns 0 or ERROR_HOST. */
int http_authority_parse(struct http_request *request, struct arena *arena, struct slice authority);

/* The protocol that a request of HTTP/1.1 is switched to: the first of its Upgrade, which
 * Connection must name, that is handed on. Those are websocket for GET without content, and
 * SPDY/3.1 and tcp for any method. method, version and content_length must be set. Empty: none. */
struct slice http_upgrade_choose(const struct http_request *request);

/* Whether a 101 with these fields switches to the protocol that was asked for: its Upgrade names no
 * other one. False for an empty protocol. */
bool http_upgrade_confirms(const struct http_fields *fields, struct slice protocol);

/* The one protocol that HTTP/2 has an extended CONNECT for (RFC 8441). */
bool http_is_websocket(struct slice protocol);

/* The path that locations are matched against: percent-decoded, dot segments resolved, slashes
 * merged; that of the asterisk form, which asks about the whole server, is "/". Allocates only when
 * something changes. A path that leaves the root, or decodes to a NUL, is ERROR_TARGET. */
int http_path_normalize(struct arena *arena, struct slice path, struct slice *normalized);

/* Percent-encodes what may not stand in a path, as nginx does for a replaced URI. */
struct slice http_path_encode(struct arena *arena, struct slice decoded);

/* `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7); out holds 30 bytes. */
void http_date(int64_t unix_seconds, char out[30]);

#endif
