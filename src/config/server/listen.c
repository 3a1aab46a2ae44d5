/* SPDX-License-Identifier: MIT */
/* `listen`: addresses, what servers share them, and what cannot stand together. */
#include "setters_internal.h"

#include "defaults_internal.h"
#include "tenant_internal.h"
#include "text/value_internal.h"

#include <limits.h>

/* What one `listen` line says. */
struct line {
    struct config_listen listen;
    bool is_default;
    bool has_options;
};

/* ADDR:PORT, ADDR, PORT, *:PORT, [v6]:PORT, [v6], both with %zone */
static bool read_address(struct build *build, const struct config_word *word,
                         struct config_listen *listen)
{
    struct address ip;
    const char *trouble;
    struct slice host = SLICE("*");
    uint16_t port = 80;
    uint64_t number = 0;
    bool has_port;

    if (slice_starts_with(word->text, SLICE("unix:"))) {
        diag_error(build->diags, word->place, "listening on a Unix socket is not supported yet");
        return false;
    }
    if (word->text.len > 0 && slice_is_only(word->text, SLICE_DIGITS)) {
        if (slice_to_u64(word->text, 65535, &number) == 0)
            port = (uint16_t)number;
        if (number == 0)
            goto wrong;
    } else if (value_host_port(word->text, &host, &port, &has_port) != 0) {
        goto wrong;
    }
    if (slice_equal(host, SLICE("*")))
        host = SLICE("0.0.0.0");
    if (value_ip(host, port, &ip) != 0)
        goto wrong;
    trouble = value_zone_trouble(&ip);
    if (trouble) {
        build_refuse(build, word, "is no address to listen on: %s", trouble);
        return false;
    }
    listen->address = ip;
    return true;
wrong:
    build_refuse(build, word,
                 "is no address to listen on: it must be PORT, ADDRESS:PORT, *:PORT or "
                 "[IPV6]:PORT, with a port from 1 to 65535");
    return false;
}

static const char *const later[] = {"proxy_protocol", "deferred",      "quic",
                                    "setfib=",        "fastopen=",     "rcvbuf=",
                                    "sndbuf=",        "so_keepalive=", "accept_filter="};

static void read_option(struct build *build, const struct config_word *word, struct line *line)
{
    struct slice text = word->text;
    uint64_t number;

    if (slice_equal(text, SLICE("ssl"))) {
        line->listen.ssl = true;
    } else if (slice_equal(text, SLICE("default_server")) || slice_equal(text, SLICE("default"))) {
        line->is_default = true;
    } else if (slice_equal(text, SLICE("http2"))) {
        diag_warning(
            build->diags, word->place,
            "\"http2\" in \"listen\" is the older form of \"http2 on;\", and has no effect");
    } else if (slice_starts_with(text, SLICE("backlog="))) {
        if (slice_to_u64(slice_from(text, 8), INT_MAX, &number) != 0 || number == 0)
            build_refuse(build, word, "is not allowed: backlog is at least 1");
        else
            line->listen.backlog = (int)number;
        line->has_options = true;
    } else if (slice_equal(text, SLICE("ipv6only=on")) ||
               slice_equal(text, SLICE("ipv6only=off"))) {
        line->listen.ipv6only = slice_equal(text, SLICE("ipv6only=on"));
        line->has_options = true;
        if (line->listen.address.len && line->listen.address.any.sa_family != AF_INET6)
            diag_error(build->diags, word->place, "\"ipv6only\" goes with an IPv6 address only");
    } else if (slice_equal(text, SLICE("reuseport")) || slice_equal(text, SLICE("bind"))) {
        diag_warning(build->diags, word->place,
                     "\"%.*s\" has no effect: every address of a tenant has one socket, which its "
                     "workers share",
                     SLICE_PRINTF(text));
    } else if (value_begins_with(text, later, sizeof(later) / sizeof(later[0]))) {
        build_refuse(build, word, "of \"listen\" is not supported yet");
    } else {
        build_refuse(build, word,
                     "is not allowed: \"listen\" takes ssl, default_server, backlog=N, "
                     "ipv6only=on|off behind the address");
    }
}

/* ---- addresses that servers share ---- */

static struct listen_build *find(const struct build *build, struct slice text)
{
    struct listen_build *items = build->parts->listens.items;

    for (uint32_t i = 0; i < build->parts->listens.count; i++) {
        if (slice_equal(items[i].listen.text, text))
            return &items[i];
    }
    return NULL;
}

static struct listen_build *add(struct build *build, const struct line *line)
{
    struct tenant_build *parts = build->parts;
    struct listen_build *item;

    if (parts->listens.count == TENANT_LISTENS_MAX) {
        if (!parts->told_listens)
            diag_error(build->diags, line->listen.place, "a tenant listens on at most %d addresses",
                       TENANT_LISTENS_MAX);
        parts->told_listens = true;
        return NULL;
    }
    item = list_add(&parts->listens, &build->scratch, sizeof(*item));
    item->listen = line->listen;
    item->listen.place = build_place(build, line->listen.place);
    return item;
}

/* The address is known from another server: what was said there must not differ. */
static void join(struct build *build, struct listen_build *item, const struct line *line)
{
    struct diag_place first = item->listen.place;

    if (item->listen.ssl != line->listen.ssl)
        diag_error(build->diags, line->listen.place,
                   "%.*s is %s \"ssl\" here but %s it at %s:%u:%u: an address has it in all "
                   "servers or in none",
                   SLICE_PRINTF(item->listen.text), line->listen.ssl ? "with" : "without",
                   item->listen.ssl ? "with" : "without", first.file, first.line, first.column);
    if (!line->has_options)
        return;
    if (item->has_options)
        diag_error(build->diags, line->listen.place,
                   "the options of %.*s are duplicates: they were given before, at %s:%u:%u",
                   SLICE_PRINTF(item->listen.text), item->options_place.file,
                   item->options_place.line, item->options_place.column);
    item->listen.backlog = line->listen.backlog;
    item->listen.ipv6only = line->listen.ipv6only;
}

static void add_line(struct build *build, struct line *line)
{
    char text[ADDRESS_TEXT];
    struct listen_build *item;
    uint32_t *servers;
    uint32_t index;

    address_format(&line->listen.address, text);
    line->listen.text = arena_slice(build->arena, slice_of(text));
    item = find(build, line->listen.text);
    if (item)
        join(build, item, line);
    else
        item = add(build, line);
    if (!item)
        return;
    if (line->has_options) {
        item->has_options = true;
        item->options_place = build_place(build, line->listen.place);
    }
    servers = item->servers.items;
    if (servers && servers[item->servers.count - 1] == build->server->index) {
        diag_error(build->diags, line->listen.place,
                   "this server listens on %.*s already: a duplicate \"listen\"",
                   SLICE_PRINTF(item->listen.text));
        return;
    }
    if (line->is_default && item->has_default) {
        diag_error(build->diags, line->listen.place,
                   "%.*s has a default server already: it was named at %s:%u:%u",
                   SLICE_PRINTF(item->listen.text), item->default_place.file,
                   item->default_place.line, item->default_place.column);
    } else if (line->is_default) {
        item->has_default = true;
        item->default_place = build_place(build, line->listen.place);
        item->listen.default_server = build->server->index;
    } else if (item->servers.count == 0) {
        item->listen.default_server = build->server->index;
    }
    list_push(&item->servers, &build->scratch, build->server->index);
    index = (uint32_t)(item - (struct listen_build *)build->parts->listens.items);
    list_push(&build->server->listens, &build->scratch, index);
    build->server->has_ssl = build->server->has_ssl || item->listen.ssl;
    build->server->has_plain = build->server->has_plain || !item->listen.ssl;
}

void set_listen(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct line line = {.listen = default_listen};
    bool is_good = read_address(build, word, &line.listen);

    for (uint32_t i = 2; i < directive->word_count; i++)
        read_option(build, &directive->words[i], &line);
    if (!is_good)
        return;
    line.listen.place = word->place;
    add_line(build, &line);
}

void listen_default(struct build *build, struct diag_place place)
{
    struct line line = {.listen = default_listen};

    line.listen.place = place;
    line.listen.address.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(INADDR_ANY)}};
    line.listen.address.len = sizeof(struct sockaddr_in);
    add_line(build, &line);
}

/* ---- all servers are read ---- */

/* Whether binding a takes the address of b too, so that b cannot be bound. */
static bool covers(const struct config_listen *a, const struct config_listen *b)
{
    if (a == b || address_port(&a->address) != address_port(&b->address) ||
        !address_is_wildcard(&a->address))
        return false;
    if (a->address.any.sa_family == b->address.any.sa_family)
        return true;
    return a->address.any.sa_family == AF_INET6 && !a->ipv6only;
}

static void check_overlap(struct build *build, const struct listen_build *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            const struct config_listen *a = &items[i].listen, *b = &items[j].listen;

            if (covers(a, b))
                diag_error(build->diags, b->place,
                           "%.*s cannot be bound beside %.*s%s, which takes all addresses of the "
                           "port (at %s:%u:%u)",
                           SLICE_PRINTF(b->text), SLICE_PRINTF(a->text),
                           a->address.any.sa_family != b->address.any.sa_family
                               ? " with \"ipv6only=off\""
                               : "",
                           a->place.file, a->place.line, a->place.column);
        }
    }
}

void listen_finish(struct build *build)
{
    struct listen_build *items = build->parts->listens.items;
    struct config_tenant *tenant = build->tenant;
    uint32_t count = build->parts->listens.count;

    check_overlap(build, items, count);
    tenant->listens = ARENA_ARRAY(build->arena, struct config_listen, count);
    tenant->listen_count = count;
    for (uint32_t i = 0; i < count; i++) {
        tenant->listens[i] = items[i].listen;
        tenant->listens[i].server_count = items[i].servers.count;
        tenant->listens[i].servers = list_copy(&items[i].servers, build->arena, sizeof(uint32_t));
    }
}
