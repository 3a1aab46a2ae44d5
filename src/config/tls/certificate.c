/* SPDX-License-Identifier: MIT */
/* `ssl_certificate` and `ssl_certificate_key`: pairs, inherited by servers that have none. */
#include "setters_internal.h"

#include "tenant_internal.h"

static bool check_path(struct build *build, const struct config_word *word)
{
    if (!build_names_file(build, word))
        return false;
    if (slice_has(word->text, '$')) {
        diag_error(build->diags, word->place, "variables in \"%s\" are not supported yet",
                   build->rule->name);
        return false;
    }
    if (slice_starts_with(word->text, SLICE("data:")) ||
        slice_starts_with(word->text, SLICE("engine:"))) {
        diag_error(build->diags, word->place,
                   "\"%s\" from another source than a file is not "
                   "supported yet",
                   build->rule->name);
        return false;
    }
    return true;
}

static void add_word(struct build *build, const struct config_directive *directive,
                     const struct config_directive ***words, uint32_t *count)
{
    if (!check_path(build, &directive->words[1]))
        return;
    if (!*words)
        *words = ARENA_ARRAY(&build->scratch, const struct config_directive *,
                             build_count(build, slice_of(build->rule->name)));
    (*words)[(*count)++] = directive;
}

void set_certificate(struct build *build, const struct config_directive *directive)
{
    struct certificate_words *words = &build->level->words;

    add_word(build, directive, &words->certificates, &words->certificate_count);
}

void set_certificate_key(struct build *build, const struct config_directive *directive)
{
    struct certificate_words *words = &build->level->words;

    add_word(build, directive, &words->keys, &words->key_count);
}

void set_certificate_file(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];

    if (check_path(build, word))
        *(struct config_file *)build_field(build) =
            (struct config_file){build_path(build, word->text), build_place(build, word->place)};
}

/* The nearest level that names any; each of the two inherits for itself, as in nginx. */
static struct certificate_words inherited(const struct build *build)
{
    struct certificate_words words = {0};

    for (const struct level *level = build->level; level; level = level->outer) {
        if (!words.certificate_count) {
            words.certificates = level->words.certificates;
            words.certificate_count = level->words.certificate_count;
        }
        if (!words.key_count) {
            words.keys = level->words.keys;
            words.key_count = level->words.key_count;
        }
    }
    return words;
}

void certificate_finish(struct build *build)
{
    const struct certificate_words *own = &build->level->words;
    struct config_server *server = &build->server->config;
    struct certificate_words words;

    if (!build->server->has_ssl && !own->certificate_count && !own->key_count)
        return;
    words = inherited(build);
    if (words.certificate_count > words.key_count)
        diag_error(build->diags, words.certificates[words.key_count]->words[1].place,
                   "the certificate \"%.*s\" has no \"ssl_certificate_key\"",
                   SLICE_PRINTF(words.certificates[words.key_count]->words[1].text));
    else if (words.key_count > words.certificate_count)
        diag_error(build->diags, words.keys[words.certificate_count]->words[1].place,
                   "the key \"%.*s\" has no \"ssl_certificate\"",
                   SLICE_PRINTF(words.keys[words.certificate_count]->words[1].text));
    if (words.certificate_count == 0 || words.certificate_count != words.key_count)
        return;
    server->certificates =
        ARENA_ARRAY(build->arena, struct config_certificate, words.certificate_count);
    server->certificate_count = words.certificate_count;
    for (uint32_t i = 0; i < words.certificate_count; i++) {
        const struct config_word *certificate = &words.certificates[i]->words[1];
        const struct config_word *key = &words.keys[i]->words[1];

        server->certificates[i] =
            (struct config_certificate){.certificate = build_path(build, certificate->text),
                                        .key = build_path(build, key->text),
                                        .place = build_place(build, certificate->place),
                                        .key_place = build_place(build, key->place)};
    }
}

/* A server without certificates is shown with its listener's default server's, as in nginx. */
static void borrow(struct build *build, const struct config_listen *listen)
{
    struct config_server *servers = build->tenant->servers;
    const struct config_server *from = &servers[listen->default_server];

    for (uint32_t i = 0; i < listen->server_count; i++) {
        struct config_server *server = &servers[listen->servers[i]];

        if (server == from || server->certificate_count)
            continue;
        diag_warning(build->diags, server->place,
                     "this server has no \"ssl_certificate\": that of the default server of %.*s "
                     "is shown",
                     SLICE_PRINTF(listen->text));
        server->certificates = from->certificates;
        server->certificate_count = from->certificate_count;
    }
}

void certificate_check_listens(struct build *build)
{
    const struct config_tenant *tenant = build->tenant;

    for (uint32_t i = 0; i < tenant->listen_count; i++) {
        const struct config_listen *listen = &tenant->listens[i];

        if (!listen->ssl)
            continue;
        if (tenant->servers[listen->default_server].certificate_count)
            borrow(build, listen);
        else
            diag_error(build->diags, listen->place,
                       "%.*s has \"ssl\", but its default server has no \"ssl_certificate\"",
                       SLICE_PRINTF(listen->text));
    }
}
