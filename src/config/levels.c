/* SPDX-License-Identifier: MIT */
/* Reads blocks by the grammar: every directive is looked up, checked and handed to its setter. */
#include "build_internal.h"

#define PHASES 3

/* A checked directive that waits for its phase. */
struct waiting {
    const struct rule *rule;
    const struct config_directive *directive;
};

/* ---- what is wrong with a directive ---- */

static void tell_unknown(struct build *build, const struct config_word *name)
{
    enum context context = build->level->context;
    const char *refusal = grammar_refusal(name->text);
    struct slice written = slice_head(name->text, 64);
    const char *nearest;

    if (refusal) {
        build_refuse(build, name, "%s", refusal);
        return;
    }
    nearest = grammar_nearest(written, context);
    diag_error(
        build->diags, name->place, "unknown directive \"%.*s\" in %s%s%s%s; allowed here: %s",
        SLICE_PRINTF(written), grammar_context_name(context), nearest ? "; did you mean \"" : "",
        nearest ? nearest : "", nearest ? "\"?" : "", grammar_allowed(&build->scratch, context));
}

static void tell_misplaced(struct build *build, const struct config_word *name)
{
    enum context context = build->level->context;

    if (context == CONTEXT_LOCATION && slice_equal(name->text, SLICE("location"))) {
        diag_error(build->diags, name->place, "a \"location\" in a location is not supported yet");
        return;
    }
    diag_error(
        build->diags, name->place, "\"%.*s\" is not allowed in %s but in: %s; allowed here: %s",
        SLICE_PRINTF(name->text), grammar_context_name(context),
        grammar_where(&build->scratch, name->text), grammar_allowed(&build->scratch, context));
}

/* The typical reason of too many words is a forgotten semicolon: the next line's directive is
 * among them. */
static uint32_t swallowed_line(const struct build *build, const struct config_directive *directive)
{
    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];

        if (!word->quoted && word->place.line > directive->words[i - 1].place.line &&
            grammar_find(word->text, build->level->context))
            return directive->words[i - 1].place.line;
    }
    return 0;
}

static bool check_count(struct build *build, const struct rule *rule,
                        const struct config_directive *directive)
{
    uint32_t found = directive->word_count - 1;
    uint32_t min = rule->arguments_min, max = rule->arguments_max;
    struct slice wanted;
    uint32_t line;

    line = swallowed_line(build, directive);
    if (found >= min && found <= max) {
        if (line && max == ANY_COUNT)
            diag_warning(build->diags, directive->words[0].place,
                         "\"%s\" goes on behind line %u with the name of a directive: is a \";\" "
                         "missing there?",
                         rule->name, line);
        return true;
    }
    if (min == max)
        wanted = arena_printf(&build->scratch, "%u argument%s", min, min == 1 ? "" : "s");
    else if (max == ANY_COUNT)
        wanted = arena_printf(&build->scratch, "at least %u argument%s", min, min == 1 ? "" : "s");
    else
        wanted = arena_printf(&build->scratch, "%u to %u arguments", min, max);
    if (line)
        diag_error(build->diags, directive->words[0].place,
                   "\"%s\" takes %.*s, found %u: is a \";\" missing at the end of line %u?",
                   rule->name, SLICE_PRINTF(wanted), found, line);
    else
        diag_error(build->diags, directive->words[0].place, "\"%s\" takes %.*s, found %u",
                   rule->name, SLICE_PRINTF(wanted), found);
    return false;
}

static bool check_form(struct build *build, const struct rule *rule,
                       const struct config_directive *directive)
{
    struct diag_place place = directive->words[0].place;

    if (rule->is_block && !directive->block) {
        uint32_t line = swallowed_line(build, directive);

        if (line)
            diag_error(build->diags, place, "\"%s\" has no block: is a \"{\" missing in line %u?",
                       rule->name, line);
        else
            diag_error(build->diags, place, "\"%s\" has no block: \"{ ... }\" is missing",
                       rule->name);
        return false;
    }
    if (!rule->is_block && directive->block) {
        diag_error(build->diags, place, "\"%s\" takes no block: it ends with \";\"", rule->name);
        return false;
    }
    return true;
}

static bool check_duplicate(struct build *build, const struct rule *rule,
                            const struct config_directive *directive)
{
    const struct config_directive **first = &build->level->first[rule - grammar_rules];

    if (*first && !rule->repeats) {
        struct diag_place place = (*first)->words[0].place;

        diag_error(build->diags, directive->words[0].place,
                   "\"%s\" is a duplicate: it was given before, at %s:%u:%u", rule->name,
                   place.file, place.line, place.column);
        return false;
    }
    if (!*first)
        *first = directive;
    return true;
}

static const struct rule *check(struct build *build, const struct config_directive *directive)
{
    const struct config_word *name = &directive->words[0];
    const struct rule *rule = grammar_find(name->text, build->level->context);

    if (!rule) {
        tell_unknown(build, name);
        return NULL;
    }
    if (!(rule->contexts & build->level->context)) {
        if (grammar_refusal(name->text))
            tell_unknown(build, name);
        else
            tell_misplaced(build, name);
        return NULL;
    }
    if (!check_form(build, rule, directive) || !check_count(build, rule, directive) ||
        !check_duplicate(build, rule, directive))
        return NULL;
    return rule;
}

/* ---- levels ---- */

static void set(struct build *build, const struct rule *rule,
                const struct config_directive *directive)
{
    build->rule = rule;
    rule->set(build, directive);
}

static void read_level(struct build *build)
{
    struct list waiting = {0};
    const struct config_directive *directive;

    STAILQ_FOREACH (directive, build->level->block, next) {
        const struct rule *rule = check(build, directive);

        if (rule && rule->phase == 0) {
            set(build, rule, directive);
        } else if (rule) {
            list_push(&waiting, &build->scratch, ((struct waiting){rule, directive}));
        }
    }
    for (uint8_t phase = 1; phase < PHASES; phase++) {
        const struct waiting *items = waiting.items;

        for (uint32_t i = 0; i < waiting.count; i++) {
            if (items[i].rule->phase == phase)
                set(build, items[i].rule, items[i].directive);
        }
    }
}

void levels_init(struct build *build, struct arena *arena, struct slice folder,
                 struct diag_list *diags)
{
    *build =
        (struct build){.read_level = read_level, .arena = arena, .folder = folder, .diags = diags};
    arena_init(&build->scratch, 4096);
}
