/* SPDX-License-Identifier: MIT */
/* `proxy_pass`: which upstream a location goes to, and with which URI. */
#include "defaults_internal.h"
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

struct url {
    bool is_tls;
    struct slice server; /* host[:port] or unix:PATH */
    struct slice uri;    /* empty: none */
};

/* In a URL "%" may be written "%25" (RFC 6874 section 2). */
static struct slice decode_zone(struct arena *arena, struct slice server)
{
    const char *percent =
        slice_starts_with(server, SLICE("[")) ? memmem(server.data, server.len, "%25", 3) : NULL;
    size_t len = percent ? (size_t)(percent + 1 - server.data) : 0;

    if (!percent || len + 2 >= server.len || server.data[len + 2] == ']')
        return server;
    return arena_printf(arena, "%.*s%.*s", (int)len, server.data,
                        SLICE_PRINTF(slice_from(server, len + 2)));
}

/* What the server is called towards itself: an interface of ours means nothing there. */
static struct slice without_zone(struct arena *arena, struct slice server)
{
    const char *percent =
        slice_starts_with(server, SLICE("[")) ? memchr(server.data, '%', server.len) : NULL;
    const char *bracket = percent ? memchr(server.data, ']', server.len) : NULL;

    if (!bracket)
        return arena_slice(arena, server);
    return arena_printf(arena, "%.*s%.*s", (int)(percent - server.data), server.data,
                        SLICE_PRINTF(slice_from(server, (size_t)(bracket - server.data))));
}

static bool split_url(struct build *build, const struct config_word *word, struct url *url)
{
    struct slice text = word->text;

    if (text.len && memchr(text.data, '$', text.len)) {
        diag_error(build->diags, word->place, "variables in \"proxy_pass\" are not supported");
        return false;
    }
    url->is_tls = slice_equal_nocase(slice_head(text, 8), SLICE("https://"));
    if (!url->is_tls && !slice_equal_nocase(slice_head(text, 7), SLICE("http://"))) {
        diag_error(build->diags, word->place,
                   "\"%.*s\" is no URL for \"proxy_pass\": it begins with \"http://\" or "
                   "\"https://\"",
                   SLICE_PRINTF(slice_head(text, 128)));
        return false;
    }
    text = slice_from(text, url->is_tls ? 8 : 7);

    /* A socket's path has slashes itself, so its end is a colon. */
    bool is_unix = slice_starts_with(text, SLICE("unix:"));
    size_t start = is_unix ? 5 : 0;
    const char *end =
        start < text.len ? memchr(text.data + start, is_unix ? ':' : '/', text.len - start) : NULL;

    url->server = end ? slice_head(text, (size_t)(end - text.data)) : text;
    url->server = decode_zone(build->arena, url->server);
    url->uri = end ? slice_from(text, (size_t)(end - text.data) + (is_unix ? 1 : 0))
                   : (struct slice){"", 0};
    return true;
}

static bool check_uri(struct build *build, const struct config_word *word, struct slice uri)
{
    if (uri.len && uri.data[0] != '/') {
        diag_error(build->diags, word->place, "the URI of \"proxy_pass\" begins with \"/\"");
        return false;
    }
    for (size_t i = 0; i < uri.len; i++) {
        unsigned char c = (unsigned char)uri.data[i];

        if (c <= 0x20 || c >= 0x7f || c == '#') {
            diag_error(build->diags, word->place,
                       "the URI of \"proxy_pass\" has a character that must be percent-encoded "
                       "(RFC 3986 section 2.1)");
            return false;
        }
    }
    if (uri.len && (build->location->kind == LOCATION_REGEX ||
                    build->location->kind == LOCATION_REGEX_NOCASE)) {
        diag_error(build->diags, word->place,
                   "\"proxy_pass\" has no URI in a location that is a regular expression: there "
                   "is no part of the path that it could replace");
        return false;
    }
    return true;
}

/* Fills *index. An upstream block of that name is meant if there is one, else an address. */
static bool find_upstream(struct build *build, const struct config_word *word,
                          const struct url *url, uint32_t *index)
{
    struct slice server = url->server;
    struct tenant_build *parts = build->parts;
    const struct config_upstream *upstreams = parts->upstreams.items;
    struct config_endpoint endpoint = default_endpoint;
    struct config_upstream *made;
    struct slice name;
    const char *wrong;

    for (uint32_t i = 0; i < parts->upstreams.count; i++) {
        if (!upstreams[i].implicit && !upstreams[i].is_variant &&
            slice_equal_nocase(upstreams[i].name, server)) {
            *index = i;
            return true;
        }
    }
    endpoint.port = url->is_tls ? HTTPS_PORT : HTTP_PORT;
    wrong = value_endpoint(build->arena, build->folder, server, &endpoint);
    if (wrong) {
        diag_error(build->diags, word->place, "\"%.*s\" is no server: %s",
                   SLICE_PRINTF(slice_head(server, 128)), wrong);
        return false;
    }
    name = endpoint.text;
    if (endpoint.port &&
        !slice_ends_with(server, arena_printf(&build->scratch, ":%u", endpoint.port)))
        name = arena_printf(build->arena, "%.*s:%u", SLICE_PRINTF(server), endpoint.port);
    for (uint32_t i = 0; i < parts->upstreams.count; i++) {
        if (upstreams[i].implicit && !upstreams[i].is_variant &&
            slice_equal(upstreams[i].name, name)) {
            *index = i;
            return true;
        }
    }
    if (!upstream_count_endpoint(build, word->place))
        return false;
    endpoint.text = name;
    endpoint.place = build_place(build, word->place);
    *index = parts->upstreams.count;
    made = list_add(&parts->upstreams, &build->scratch, sizeof(*made));
    *made = default_upstream;
    made->name = name;
    made->implicit = true;
    made->endpoints = ARENA_NEW(build->arena, struct config_endpoint);
    made->endpoints[0] = endpoint;
    made->endpoint_count = 1;
    return true;
}

void set_proxy_pass(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct config_proxy *proxy = &build->location->proxy;
    struct url url;

    if (!build_is_clean(word->text)) {
        diag_error(build->diags, word->place, "the URL has control characters");
        return;
    }
    if (!split_url(build, word, &url) || !check_uri(build, word, url.uri) ||
        !find_upstream(build, word, &url, &proxy->upstream))
        return;
    build->location->has_proxy = true;
    proxy->is_tls = url.is_tls;
    proxy->place = build_place(build, word->place);
    proxy->has_uri = url.uri.len > 0;
    proxy->uri = arena_slice(build->arena, url.uri);
    /* A socket's path is no host; nginx says localhost too. */
    proxy->host = slice_starts_with(url.server, SLICE("unix:"))
                      ? SLICE("localhost")
                      : without_zone(build->arena, url.server);
}
