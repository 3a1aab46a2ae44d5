/* SPDX-License-Identifier: MIT */
/* `server` blocks and their names. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/punycode_internal.h"
#include "text/value_internal.h"

static struct slice lower(struct arena *arena, struct slice text)
{
    char *copy = arena_text(arena, text);

    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + ('a' - 'A'));
    }
    return (struct slice){copy, text.len};
}

/* Whether a Host may be this, or end or begin like it. */
static bool is_host_text(struct slice text)
{
    struct address ip;

    if (slice_starts_with(text, SLICE("[")))
        return value_ip(text, 1, &ip) == 0 && !*address_zone(&ip);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '~')
            continue;
        if (c != '.' || (i > 0 && text.data[i - 1] == '.'))
            return false;
    }
    return true;
}

/* Fills kind and text; returns what is wrong, or NULL. */
static const char *read_name(struct build *build, struct slice written, struct config_name *name)
{
    struct slice whole = lower(build->arena, written);
    struct slice text = whole;

    name->kind = NAME_EXACT;
    if (written.len && written.data[0] == '~') {
        name->kind = NAME_REGEX;
        name->text = arena_slice(build->arena, slice_from(written, 1));
        name->shown = arena_slice(build->arena, written);
        return name->text.len ? NULL : "the regular expression behind \"~\" is empty";
    }
    if (slice_starts_with(text, SLICE("*."))) {
        name->kind = NAME_LEADING;
        text = slice_from(text, 1);
    } else if (text.len && text.data[0] == '.') {
        name->kind = NAME_DOT;
    } else if (slice_ends_with(text, SLICE(".*"))) {
        name->kind = NAME_TRAILING;
        text.len--;
    }
    /* Hosts are compared without their final dot. */
    if (name->kind != NAME_TRAILING && text.len > 1 && text.data[text.len - 1] == '.')
        text.len--;
    name->text = text;
    if (name->kind == NAME_LEADING || name->kind == NAME_TRAILING)
        name->shown = whole;
    else
        name->shown = name->kind == NAME_DOT ? slice_from(text, 1) : text; /* as nginx */
    if (name->kind != NAME_EXACT && text.len < 2)
        return "a wildcard needs a name behind or before its dot";
    if (memchr(written.data, '*', written.len) && (text.len && memchr(text.data, '*', text.len)))
        return "a \"*\" stands only at the start or the end, beside a dot";
    return NULL;
}

static bool has_unicode(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return true;
    }
    return false;
}

/* nginx takes whatever is written; what no request can ask for is at least told. */
static void warn_unless_it_matches(struct build *build, const struct config_name *name)
{
    struct slice instead = {"", 0}, host, written = name->written;
    const char *why = "it has characters that no host name has";
    struct config_name other = {0};
    uint16_t port;
    bool has_port;

    /* It takes a locale, for which the C library opens files: no worker can. */
    if (build->diags->errors_only || name->kind == NAME_REGEX ||
        (is_host_text(name->text) &&
         !slice_ends_with(name->text, name->kind == NAME_TRAILING ? SLICE("..") : SLICE("."))))
        return;
    if (has_unicode(written)) {
        why = "clients send names that are not ASCII in another form (RFC 5890)";
        instead = punycode_name(&build->scratch, written);
    } else if (value_host_port(written, &host, &port, &has_port) == 0 && has_port) {
        why = "the port is no part of it";
        instead = host;
    }
    if (instead.len > 0 && !read_name(build, instead, &other) && is_host_text(other.text))
        diag_warning(build->diags, name->place,
                     "the server name \"%.*s\" never matches: %s; \"%.*s\" would",
                     SLICE_PRINTF(slice_head(written, 128)), why, SLICE_PRINTF(instead));
    else
        diag_warning(build->diags, name->place, "the server name \"%.*s\" never matches: %s",
                     SLICE_PRINTF(slice_head(written, 128)), why);
}

void set_server_name(struct build *build, const struct config_directive *directive)
{
    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];
        struct config_name name = {0};
        const char *wrong;

        if (slice_starts_with(word->text, SLICE("$"))) {
            diag_error(build->diags, word->place, "variables in \"%s\" are not supported yet",
                       build->rule->name);
            continue;
        }
        wrong = build_is_clean(word->text) ? read_name(build, word->text, &name)
                                           : "it has control characters";
        if (wrong) {
            diag_error(build->diags, word->place, "\"%.*s\" is no server name: %s",
                       SLICE_PRINTF(slice_head(word->text, 128)), wrong);
            continue;
        }
        name.written = arena_slice(build->arena, word->text);
        name.place = build_place(build, word->place);
        warn_unless_it_matches(build, &name);
        list_push(&build->server->names, &build->scratch, name);
    }
}

static void finish(struct build *build, struct diag_place place)
{
    struct server_build *server = build->server;
    struct config_server *config = &server->config;

    if (server->names.count == 0) {
        struct slice empty = arena_slice(build->arena, SLICE(""));
        struct config_name name = {NAME_EXACT, empty, empty, empty, config->place};

        list_push(&server->names, &build->scratch, name);
    }
    if (server->listens.count == 0 && build_count(build, SLICE("listen")) == 0)
        listen_default(build, place);
    certificate_finish(build);
    verification_finish(build);
    config->names = list_copy(&server->names, build->arena, sizeof(struct config_name));
    config->name_count = server->names.count;
    config->locations = list_copy(&server->locations, build->arena, sizeof(struct config_location));
    config->location_count = server->locations.count;
    config->settings = build->level->settings;
    if (config->location_count == 0 && config->answer.status == 0 &&
        build_count(build, SLICE("location")) == 0 && build_count(build, SLICE("return")) == 0)
        diag_warning(build->diags, place,
                     "this server has no \"location\" and no \"return\": it answers 404");
}

void set_server(struct build *build, const struct config_directive *directive)
{
    struct server_build server = {.index = build->parts->servers.count};
    struct level level;

    server.config.place = build_place(build, directive->words[0].place);
    build->server = &server;
    build_level(build, &level, CONTEXT_SERVER, directive->block);

    struct level *outer = build->level;

    build->level = &level; /* what follows still belongs to the server */
    finish(build, directive->words[0].place);
    build->level = outer;
    seen_free(&server.patterns);
    build->server = NULL;
    list_push(&build->parts->servers, &build->scratch, server.config);
}

/* Of two servers with the same name on an address the first one answers, as in nginx. */
void server_check_names(struct build *build)
{
    const struct config_tenant *tenant = build->tenant;

    for (uint32_t i = 0; i < tenant->listen_count; i++) {
        const struct config_listen *listen = &tenant->listens[i];
        struct seen *seen = NULL;

        for (uint32_t j = 0; j < listen->server_count; j++) {
            const struct config_server *server = &tenant->servers[listen->servers[j]];

            for (uint32_t k = 0; k < server->name_count; k++) {
                const struct config_name *name = &server->names[k];
                struct slice key = arena_printf(&build->scratch, "%d%.*s", (int)name->kind,
                                                SLICE_PRINTF(name->text));
                const struct diag_place *first = seen_add(&seen, &build->scratch, key, name->place);

                if (first)
                    diag_warning(build->diags, name->place,
                                 "the server name \"%.*s\" is ignored on %.*s: it was taken "
                                 "before, at %s:%u:%u",
                                 SLICE_PRINTF(name->written), SLICE_PRINTF(listen->text),
                                 first->file, first->line, first->column);
            }
        }
        seen_free(&seen);
    }
}
