/* SPDX-License-Identifier: MIT */
/* proxy_set_header, add_header, proxy_hide_header: inherited all or nothing, as in nginx. */
#include "setters_internal.h"

#include "build_internal.h"

/* What the codecs set or take away themselves; a second opinion would make messages ambiguous. */
static const char *const own_fields[] = {
    "connection",        "content-length",   "expect", "http2-settings",
    "keep-alive",        "proxy-connection", "te",     "upgrade",
    "transfer-encoding",
};

static bool is_own_field(struct slice name)
{
    for (unsigned i = 0; i < sizeof(own_fields) / sizeof(own_fields[0]); i++) {
        if (slice_equal_nocase(name, slice_of(own_fields[i])))
            return true;
    }
    return false;
}

static bool check_name(struct build *build, const struct config_word *word)
{
    if (build_is_token(word->text))
        return true;
    build_refuse(build, word, "is no name of a header (RFC 9110 section 5.1)");
    return false;
}

/* Name and value of arguments 1 and 2. */
static bool read_header(struct build *build, const struct config_directive *directive,
                        struct config_header *header)
{
    const struct config_word *name = &directive->words[1];
    const struct config_word *value = &directive->words[2];

    if (!check_name(build, name))
        return false;
    if (!build_is_clean(value->text)) {
        diag_error(build->diags, value->place,
                   "the value of \"%.*s\" has control characters: a header is one line",
                   SLICE_PRINTF(name->text));
        return false;
    }
    header->name = arena_slice(build->arena, name->text);
    return config_template_parse(&header->value, build->arena, value->text, value->place,
                                 build->diags) == 0;
}

void set_proxy_header(struct build *build, const struct config_directive *directive)
{
    struct config_settings *settings = build_settings(build);
    const struct config_word *name = &directive->words[1];
    struct config_header header = {0};

    /* Also a header that is dropped below ends what comes from above, as in nginx. */
    if (!build->level->set_headers) {
        build->level->set_headers = ARENA_ARRAY(build->arena, struct config_header,
                                                build_count(build, slice_of(build->rule->name)));
        settings->set_headers = build->level->set_headers;
        settings->set_header_count = 0;
    }
    if (is_own_field(name->text)) {
        diag_warning(build->diags, name->place,
                     "\"%s %.*s\" has no effect: nsgate keeps connections alive, switches "
                     "protocols and delimits bodies itself",
                     build->rule->name, SLICE_PRINTF(name->text));
        return;
    }
    if (!read_header(build, directive, &header))
        return;
    if (slice_equal_nocase(name->text, SLICE("host")) && header.value.count == 0) {
        diag_error(build->diags, directive->words[2].place,
                   "\"Host\" cannot be left out (RFC 9112 section 3.2)");
        return;
    }
    build->level->set_headers[settings->set_header_count++] = header;
}

void set_add_header(struct build *build, const struct config_directive *directive)
{
    struct config_settings *settings = build_settings(build);
    const struct config_word *name = &directive->words[1];
    struct config_header header = {0};

    if (!build->level->add_headers) {
        build->level->add_headers = ARENA_ARRAY(build->arena, struct config_header,
                                                build_count(build, slice_of(build->rule->name)));
        settings->add_headers = build->level->add_headers;
        settings->add_header_count = 0;
    }
    if (is_own_field(name->text)) {
        diag_error(build->diags, name->place,
                   "\"%s %.*s\" is not allowed: it would make the response ambiguous",
                   build->rule->name, SLICE_PRINTF(name->text));
        return;
    }
    if (directive->word_count == 4) {
        const struct config_word *word = &directive->words[3];

        if (!slice_equal(word->text, SLICE("always"))) {
            build_refuse(build, word, "is not allowed: the third argument of \"%s\" is \"always\"",
                         build->rule->name);
            return;
        }
        header.always = true;
    }
    if (read_header(build, directive, &header))
        build->level->add_headers[settings->add_header_count++] = header;
}

void set_hide_header(struct build *build, const struct config_directive *directive)
{
    struct config_settings *settings = build_settings(build);
    const struct config_word *name = &directive->words[1];

    if (!build->level->hide_headers) {
        build->level->hide_headers = ARENA_ARRAY(build->arena, struct slice,
                                                 build_count(build, slice_of(build->rule->name)));
        settings->hide_headers = build->level->hide_headers;
        settings->hide_header_count = 0;
    }
    if (check_name(build, name))
        build->level->hide_headers[settings->hide_header_count++] =
            arena_slice(build->arena, name->text);
}
