/* SPDX-License-Identifier: MIT */
/* How a location's connections to its upstream are made: the version of HTTP, and TLS. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

#define NAME_LENGTH_MAX 255 /* RFC 1035 section 2.3.4 */

void set_http_version(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];

    if (slice_equal(word->text, SLICE("1.1")))
        build_settings(build)->proxy_http_version = 11;
    else if (slice_equal(word->text, SLICE("2")) || slice_equal(word->text, SLICE("2.0")))
        build_settings(build)->proxy_http_version = 20;
    else
        build_refuse(build, word,
                     "is not allowed: \"%s\" is 1.1 or 2, other versions are not spoken",
                     build->rule->name);
}

static bool is_address(struct slice host)
{
    struct address ip;

    return value_ip(host, 1, &ip) == 0 && !*address_zone(&ip);
}

/* The host of host[:port], without brackets and final dot. */
static struct slice host_of(struct slice text)
{
    const char *end;

    if (slice_starts_with(text, SLICE("["))) {
        text = slice_from(text, 1);
        end = memchr(text.data, ']', text.len);
    } else {
        end = text.len ? memchr(text.data, ':', text.len) : NULL;
    }
    if (end)
        text.len = (size_t)(end - text.data);
    if (text.len > 1 && text.data[text.len - 1] == '.')
        text.len--;
    return text;
}

void set_proxy_ssl_name(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct slice host = host_of(word->text);

    if (slice_equal(word->text, SLICE("$proxy_host"))) {
        build_settings(build)->proxy_ssl_name = SLICE("");
        return;
    }
    if (slice_has(word->text, '$')) {
        diag_error(build->diags, word->place,
                   "variables in \"%s\" are not supported yet, apart from $proxy_host alone",
                   build->rule->name);
        return;
    }
    if (host.len > NAME_LENGTH_MAX ||
        (!value_is_host_name(host) && !is_address(host) &&
         !is_address(arena_printf(&build->scratch, "[%.*s]", SLICE_PRINTF(host))))) {
        build_refuse(build, word, "is not allowed: \"%s\" is a host's name or address",
                     build->rule->name);
        return;
    }
    build_settings(build)->proxy_ssl_name = arena_slice(build->arena, host);
}

void set_proxy_ssl_server_name(struct build *build, const struct config_directive *directive)
{
    set_flag(build, directive);
    build_settings(build)->says_ssl_server_name = true;
}

/* ---- transports ---- */

/* What stands for everything that tells two transports apart, texts with their lengths. */
static struct slice identity_of(struct arena *arena, const struct config_transport *transport)
{
    return arena_printf(arena, "%d%d%d%d%d %u %u %zu:%.*s %zu:%.*s %zu:%.*s", transport->is_tls,
                        transport->http2, transport->verify, transport->sends_name,
                        transport->reuses_sessions, transport->verify_depth, transport->protocols,
                        transport->ciphers.text.len, SLICE_PRINTF(transport->ciphers.text),
                        transport->name.len, SLICE_PRINTF(transport->name), transport->trusted.len,
                        SLICE_PRINTF(transport->trusted));
}

static void fill_tls(struct config_transport *transport, const struct config_settings *settings,
                     struct slice host)
{
    transport->is_tls = true;
    transport->verify = settings->proxy_ssl_verify;
    transport->sends_name = settings->says_ssl_server_name ? settings->proxy_ssl_server_name
                                                           : settings->proxy_ssl_verify;
    transport->reuses_sessions = settings->proxy_ssl_session_reuse;
    transport->protocols = settings->proxy_ssl_protocols;
    transport->ciphers = settings->proxy_ssl_ciphers;
    if (transport->verify || transport->sends_name)
        transport->name = settings->proxy_ssl_name.len ? settings->proxy_ssl_name : host_of(host);
    if (!transport->verify)
        return;
    transport->verify_depth = settings->proxy_ssl_verify_depth;
    transport->trusted = settings->proxy_ssl_trusted.path;
    transport->trusted_place = settings->proxy_ssl_trusted.place;
}

/* The upstream at `base` in another transport: one that is there already, or a new one. */
static uint32_t find_variant(struct build *build, uint32_t base,
                             const struct config_transport *transport)
{
    struct list *list = &build->parts->upstreams;
    const struct config_upstream *upstreams = list->items;
    struct config_transport *made;
    struct config_upstream copy;

    for (uint32_t i = base + 1; i < list->count; i++) {
        if (upstreams[i].is_variant && upstreams[i].endpoints == upstreams[base].endpoints &&
            slice_equal(upstreams[i].transport->identity, transport->identity))
            return i;
    }
    made = ARENA_NEW(build->arena, struct config_transport);
    *made = *transport;
    made->identity = arena_slice(build->arena, transport->identity);
    copy = upstreams[base];
    copy.is_variant = true;
    copy.transport = made;
    list_push(list, &build->scratch, copy);
    return list->count - 1;
}

void transport_finish(struct build *build, struct config_location *location)
{
    const struct config_settings *settings = location->settings;
    struct config_transport transport = {.http2 = settings->proxy_http_version == 20,
                                         .place = location->proxy.place};

    if (location->proxy.is_tls)
        fill_tls(&transport, settings, location->proxy.host);
    if (!transport.is_tls && !transport.http2)
        return;
    if (transport.verify && transport.name.len > NAME_LENGTH_MAX) {
        diag_error(build->diags, transport.place,
                   "the host is longer than 255 bytes: no certificate can be for it");
        return;
    }
    transport.identity = identity_of(&build->scratch, &transport);
    location->proxy.upstream = find_variant(build, location->proxy.upstream, &transport);
}
