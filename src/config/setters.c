/* SPDX-License-Identifier: MIT */
/* Generic setters: one value of a common type, into the field that the rule names. */
#include "setters_internal.h"

#include "build_internal.h"
#include "text/value_internal.h"

static void *field_of(struct build *build, const struct rule *rule)
{
    char *base = NULL;

    switch (rule->target) {
    case TARGET_MAIN:
        base = (char *)build->main;
        break;
    case TARGET_TENANT:
        base = (char *)build->tenant;
        break;
    case TARGET_SETTINGS:
        base = (char *)build_settings(build);
        break;
    case TARGET_UPSTREAM:
        base = (char *)build->upstream;
        break;
    case TARGET_NONE:
        break;
    }
    return base + rule->offset;
}

/* "500 ms", "30 s": a bound, for people. */
static struct slice time_text(struct build *build, uint64_t milliseconds)
{
    if (milliseconds % 1000)
        return arena_printf(&build->scratch, "%llums", (unsigned long long)milliseconds);
    return arena_printf(&build->scratch, "%llus", (unsigned long long)(milliseconds / 1000));
}

void set_time(struct build *build, const struct rule *rule,
              const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);
    uint64_t milliseconds;

    if (value_time(word->text, &milliseconds) != 0) {
        diag_error(build->diags, word->place,
                   "\"%.*s\" is no time: \"%s\" takes a number with ms, s, m, h or d, as in 30s or "
                   "1h30m",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name);
    } else if (milliseconds < rule->low || milliseconds > rule->high) {
        diag_error(build->diags, word->place, "\"%.*s\" is out of range: \"%s\" is %.*s to %.*s",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name,
                   SLICE_PRINTF(time_text(build, rule->low)),
                   SLICE_PRINTF(time_text(build, rule->high)));
    } else {
        *(double *)field_of(build, rule) = (double)milliseconds / 1000.0;
    }
}

void set_size(struct build *build, const struct rule *rule,
              const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);
    uint64_t bytes;

    if (value_size(word->text, &bytes) != 0)
        diag_error(build->diags, word->place,
                   "\"%.*s\" is no size: \"%s\" takes a number of bytes, or one with k, m or g",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name);
    else if (bytes < rule->low || bytes > rule->high)
        diag_error(build->diags, word->place,
                   "\"%.*s\" is out of range: \"%s\" is %llu to %llu bytes",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name,
                   (unsigned long long)rule->low, (unsigned long long)rule->high);
    else
        *(uint64_t *)field_of(build, rule) = bytes;
}

void set_number(struct build *build, const struct rule *rule,
                const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);
    uint64_t number;

    if (rule->word && slice_equal(word->text, slice_of(rule->word))) {
        *(uint32_t *)field_of(build, rule) = 0;
    } else if (slice_to_u64(word->text, rule->high, &number) != 0 || number < rule->low) {
        diag_error(build->diags, word->place,
                   "\"%.*s\" is not allowed: \"%s\" takes a number from %llu to %llu%s%s%s",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name,
                   (unsigned long long)rule->low, (unsigned long long)rule->high,
                   rule->word ? " or \"" : "", rule->word ? rule->word : "",
                   rule->word ? "\"" : "");
    } else {
        *(uint32_t *)field_of(build, rule) = (uint32_t)number;
    }
}

void set_flag(struct build *build, const struct rule *rule,
              const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);
    bool is_on = slice_equal_nocase(word->text, SLICE("on"));

    if (!is_on && !slice_equal_nocase(word->text, SLICE("off")))
        diag_error(build->diags, word->place,
                   "\"%.*s\" is not allowed: \"%s\" is \"on\" or \"off\"",
                   SLICE_PRINTF(slice_head(word->text, 64)), rule->name);
    else
        *(bool *)field_of(build, rule) = is_on;
}

void set_text(struct build *build, const struct rule *rule,
              const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);
    struct config_text *field = field_of(build, rule);

    if (word->text.len == 0 || !build_is_clean(word->text))
        diag_error(build->diags, word->place, "\"%s\" is empty or has control characters",
                   rule->name);
    else
        *field = (struct config_text){arena_slice(build->arena, word->text),
                                      build_place(build, word->place)};
}

void set_path(struct build *build, const struct rule *rule,
              const struct config_directive *directive)
{
    const struct config_word *word = build_word(directive, 1);

    if (word->text.len == 0 || !build_is_clean(word->text))
        diag_error(build->diags, word->place, "\"%s\" names no file", rule->name);
    else
        *(struct slice *)field_of(build, rule) = build_path(build, word->text);
}

/* ---- nginx's idioms ---- */

static bool is_usual(const struct rule *rule, const struct config_directive *directive)
{
    return directive->word_count == 2 &&
           slice_equal_nocase(directive->words[1].text, slice_of(rule->word));
}

void set_idiom(struct build *build, const struct rule *rule,
               const struct config_directive *directive)
{
    if (!is_usual(rule, directive))
        diag_error(build->diags, build_word(directive, 1)->place, "\"%s\" can only be \"%s\": %s",
                   rule->name, rule->word, rule->note);
}

void set_usual(struct build *build, const struct rule *rule,
               const struct config_directive *directive)
{
    if (!is_usual(rule, directive))
        diag_warning(build->diags, build_word(directive, 1)->place, "\"%s\" has no effect: %s",
                     rule->name, rule->note);
}

void set_tuning(struct build *build, const struct rule *rule,
                const struct config_directive *directive)
{
    diag_warning(build->diags, directive->words[0].place, "\"%s\" has no effect: %s", rule->name,
                 rule->note);
}
