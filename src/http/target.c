/* SPDX-License-Identifier: MIT */
/* Request targets and authorities (RFC 9112 section 3.2, RFC 3986 section 3.2). */
#include "base/error.h"
#include "http/characters.h"
#include "http/message.h"

#include <arpa/inet.h>

/* A DNS name has at most 253 characters (RFC 1035 section 2.3.4). */
#define HOST_MAX 255

static bool has_only(struct slice s, enum http_character kind)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_char_is(s.data[i], kind))
            return false;
    }
    return true;
}

static void set_origin_form(struct http_request *request, struct slice target)
{
    const char *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark ? (size_t)(mark - target.data) : target.len;
    request->target = target;
    request->path = slice_head(target, path_len);
    request->has_query = mark;
    request->query = slice_from(target, mark ? path_len + 1 : target.len);
}

/* What follows the scheme of an absolute-form: authority, path-abempty and query. */
static int set_absolute_form(struct http_request *request, struct slice rest)
{
    size_t len = 0;
    while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
        len++;
    if (len == 0)
        return ERROR_TARGET;
    request->authority = slice_head(rest, len);
    rest = slice_from(rest, len);
    if (rest.len > 0 && rest.data[0] == '/') {
        set_origin_form(request, rest);
    } else if (rest.len == 0) {
        /* RFC 9112 section 3.2.4: without a path OPTIONS asks about the server. */
        set_origin_form(request, request->method == METHOD_OPTIONS ? SLICE("*") : SLICE("/"));
    } else {
        if (!request->fields.arena)
            return ERROR_TARGET;
        char *target = arena_alloc(request->fields.arena, rest.len + 1);
        target[0] = '/';
        memcpy(target + 1, rest.data, rest.len);
        set_origin_form(request, (struct slice){target, rest.len + 1});
    }
    return 0;
}

int http_target_parse(struct http_request *request, struct slice target)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (target.len == 0 || !has_only(target, HTTP_CHAR_TARGET))
        return ERROR_TARGET;
    if (target.data[0] == '/') {
        set_origin_form(request, target);
        return 0;
    }
    if (slice_equal(target, SLICE("*"))) {
        if (request->method != METHOD_OPTIONS)
            return ERROR_TARGET;
        set_origin_form(request, target);
        return 0;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct slice scheme = slice_of(schemes[i]);
        if (slice_equal_nocase(slice_head(target, scheme.len), scheme))
            return set_absolute_form(request, slice_from(target, scheme.len));
    }
    return ERROR_TARGET;
}

/* Splits host[:port]; the host of an IP literal keeps its brackets. Returns false when there is
 * something else than a port behind the host. */
static bool split_port(struct slice authority, struct slice *host, struct slice *port)
{
    size_t end = 0;
    if (authority.len > 0 && authority.data[0] == '[') {
        const char *bracket = memchr(authority.data, ']', authority.len);
        if (!bracket)
            return false;
        end = (size_t)(bracket - authority.data) + 1;
    } else {
        const char *colon = memchr(authority.data, ':', authority.len);
        end = colon ? (size_t)(colon - authority.data) : authority.len;
    }
    *host = slice_head(authority, end);
    *port = slice_from(authority, end);
    if (port->len == 0)
        return true;
    if (port->data[0] != ':')
        return false;
    *port = slice_from(*port, 1);
    return true;
}

static bool is_port(struct slice port)
{
    uint64_t number;
    return port.len == 0 || (port.len <= 5 && slice_to_u64(port, 65535, &number) == 0);
}

static bool is_ip_literal(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t len = host.len - 2;
    if (host.len < 4 || len >= sizeof(text))
        return false;
    memcpy(text, host.data + 1, len);
    text[len] = '\0';
    return !memchr(text, '\0', len) && inet_pton(AF_INET6, text, &address) == 1;
}

/* Labels of the characters that names in use have; none is empty. */
static bool is_name(struct slice host)
{
    if (host.len == 0 || host.data[0] == '.' || !has_only(host, HTTP_CHAR_HOST))
        return false;
    for (size_t i = 1; i < host.len; i++) {
        if (host.data[i] == '.' && host.data[i - 1] == '.')
            return false;
    }
    return true;
}

static struct slice lowered(struct arena *arena, struct slice host)
{
    size_t upper = 0;
    while (upper < host.len && (host.data[upper] < 'A' || host.data[upper] > 'Z'))
        upper++;
    if (upper == host.len)
        return host;
    char *copy = arena_alloc(arena, host.len);
    memcpy(copy, host.data, host.len);
    for (size_t i = upper; i < host.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] | 0x20);
    }
    return (struct slice){copy, host.len};
}

int http_authority_parse(struct http_request *request, struct arena *arena, struct slice authority)
{
    struct slice host;
    struct slice port;
    if (authority.len == 0 || !split_port(authority, &host, &port) || !is_port(port) ||
        host.len > HOST_MAX)
        return ERROR_HOST;
    if (host.len > 0 && host.data[0] == '[') {
        if (!is_ip_literal(host))
            return ERROR_HOST;
    } else {
        if (host.len > 1 && host.data[host.len - 1] == '.')
            host.len--;
        if (!is_name(host) || host.data[host.len - 1] == '.')
            return ERROR_HOST;
    }
    request->authority = authority;
    request->host = lowered(arena, host);
    return 0;
}
