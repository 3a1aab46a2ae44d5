/* SPDX-License-Identifier: MIT */
/* `location` blocks and `return`. */
#include "setters_internal.h"

#include "tenant_internal.h"

/* The modifiers, the longer before the shorter that begins them. */
static const struct modifier {
    const char *text;
    enum config_location_kind kind;
} modifiers[] = {{"~*", LOCATION_REGEX_NOCASE},
                 {"~", LOCATION_REGEX},
                 {"^~", LOCATION_PREFIX_FINAL},
                 {"=", LOCATION_EXACT}};

#define MODIFIER_COUNT (sizeof(modifiers) / sizeof(modifiers[0]))

static bool is_regex(enum config_location_kind kind)
{
    return kind == LOCATION_REGEX || kind == LOCATION_REGEX_NOCASE;
}

/* `location MODIFIER PATTERN` or, as nginx lets one write, `location MODIFIERPATTERN`. */
static bool read_pattern(struct build *build, const struct config_directive *directive,
                         struct config_location *location, struct slice *pattern)
{
    const struct config_word *first = &directive->words[1];
    bool has_two = directive->word_count == 3;

    location->kind = LOCATION_PREFIX;
    *pattern = has_two ? directive->words[2].text : first->text;
    for (unsigned i = 0; i < MODIFIER_COUNT; i++) {
        struct slice text = slice_of(modifiers[i].text);

        if (has_two ? !slice_equal(first->text, text) : !slice_starts_with(first->text, text))
            continue;
        location->kind = modifiers[i].kind;
        if (!has_two)
            *pattern = slice_from(first->text, text.len);
        return true;
    }
    if (has_two)
        build_refuse(build, first, "is no modifier of \"location\"; allowed: =, ^~, ~, ~*");
    return !has_two;
}

static bool check_pattern(struct build *build, const struct config_location *location,
                          struct slice pattern, struct diag_place place)
{
    const struct diag_place *first;
    struct slice key;

    if (pattern.len && pattern.data[0] == '@' && location->kind == LOCATION_PREFIX) {
        diag_error(build->diags, place, "named locations (\"%.*s\") are not supported yet",
                   SLICE_PRINTF(slice_head(pattern, 64)));
        return false;
    }
    if (is_regex(location->kind) ? pattern.len == 0 : !slice_starts_with(pattern, SLICE("/"))) {
        diag_error(build->diags, place,
                   is_regex(location->kind) ? "the regular expression of \"location\" is empty"
                                            : "a path of \"location\" begins with \"/\"");
        return false;
    }
    if (!is_regex(location->kind) && memchr(pattern.data, '%', pattern.len))
        diag_warning(build->diags, place,
                     "a location is compared with the decoded path: \"%%\" stands for itself here");
    /* As in nginx, `^~ /a` is the same location as `/a`. */
    key = arena_printf(&build->scratch, "%d%.*s",
                       location->kind == LOCATION_PREFIX_FINAL ? (int)LOCATION_PREFIX
                                                               : (int)location->kind,
                       SLICE_PRINTF(pattern));
    first = seen_add(&build->server->patterns, &build->scratch, key, place);
    if (first)
        diag_error(build->diags, place,
                   "location \"%.*s\" is a duplicate: it was given before, at %s:%u:%u",
                   SLICE_PRINTF(slice_head(pattern, 128)), first->file, first->line, first->column);
    return !first;
}

void set_location(struct build *build, const struct config_directive *directive)
{
    struct diag_place place = directive->words[directive->word_count - 1].place;
    struct config_location location = {0};
    struct slice pattern;
    struct level level;
    bool is_good;

    is_good = read_pattern(build, directive, &location, &pattern) &&
              check_pattern(build, &location, pattern, place);
    build->location = &location;
    build_level(build, &level, CONTEXT_LOCATION, directive->block);
    build->location = NULL;
    if (!is_good)
        return;
    if (!location.has_proxy && location.answer.status == 0 && STAILQ_EMPTY(directive->block))
        diag_warning(build->diags, place,
                     "this location has no \"proxy_pass\" and no \"return\": it answers 404");
    location.pattern = arena_slice(build->arena, pattern);
    location.place = build_place(build, place);
    location.settings = level.settings;
    if (location.has_proxy)
        transport_finish(build, &location);
    list_push(&build->server->locations, &build->scratch, location);
}

/* ---- return ---- */

static bool is_redirect(uint64_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool is_url(struct slice text)
{
    return slice_starts_with(text, SLICE("http://")) ||
           slice_starts_with(text, SLICE("https://")) || slice_starts_with(text, SLICE("$scheme"));
}

static bool check_status(struct build *build, const struct config_directive *directive,
                         uint64_t *status)
{
    const struct config_word *word = &directive->words[1];

    if (slice_to_u64(word->text, 999, status) != 0) {
        build_refuse(build, word,
                     "is neither a status from 200 to 599 nor an URL that begins with "
                     "http://, https:// or $scheme");
        return false;
    }
    if (*status == 444) {
        diag_error(build->diags, word->place,
                   "\"return 444\" (closing without an answer) is not supported yet");
        return false;
    }
    if (*status < 200 || *status > 599) {
        diag_error(build->diags, word->place, "the status %.*s is out of range: 200 to 599",
                   SLICE_PRINTF(word->text));
        return false;
    }
    if (is_redirect(*status) && directive->word_count == 2) {
        diag_error(build->diags, word->place, "\"return %.*s\" needs the URL to go to",
                   SLICE_PRINTF(word->text));
        return false;
    }
    if ((*status == 204 || *status == 205 || *status == 304) && directive->word_count == 3)
        diag_warning(build->diags, directive->words[2].place,
                     "a %.*s has no content: the text is not sent", SLICE_PRINTF(word->text));
    return true;
}

void set_return(struct build *build, const struct config_directive *directive)
{
    const struct config_word *text = &directive->words[directive->word_count - 1];
    struct config_return answer = {0};
    uint64_t status = 302;

    if (directive->word_count == 2 && is_url(text->text)) {
        answer.is_redirect = true;
    } else if (!check_status(build, directive, &status)) {
        return;
    } else {
        answer.is_redirect = is_redirect(status);
    }
    answer.status = (int)status;
    if (directive->word_count == 3 || answer.is_redirect) {
        if (answer.is_redirect && !build_is_text(text->text)) {
            diag_error(build->diags, text->place, "the URL is empty or has control characters");
            return;
        }
        if (config_template_parse(&answer.text, build->arena, text->text, text->place,
                                  build->diags) != 0)
            return;
    }
    if (build->location)
        build->location->answer = answer;
    else
        build->server->config.answer = answer;
}
