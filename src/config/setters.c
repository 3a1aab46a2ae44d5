/* SPDX-License-Identifier: MIT */
/* Generic setters: one value of a common type, into the field that the rule names. */
#include "setters_internal.h"

#include "build_internal.h"
#include "text/value_internal.h"

void *build_field(struct build *build)
{
    void *const targets[] = {[TARGET_MAIN] = build->main,
                             [TARGET_TENANT] = build->tenant,
                             [TARGET_UPSTREAM] = build->upstream};
    enum target target = build->rule->target;
    void *base = target == TARGET_SETTINGS ? build_settings(build) : targets[target];

    return (char *)base + build->rule->offset;
}

/* "500 ms", "30 s": a bound, for people. */
static struct slice time_text(struct build *build, uint64_t milliseconds)
{
    if (milliseconds % 1000)
        return arena_printf(&build->scratch, "%llums", (unsigned long long)milliseconds);
    return arena_printf(&build->scratch, "%llus", (unsigned long long)(milliseconds / 1000));
}

void set_time(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    uint64_t milliseconds;

    if (value_time(word->text, &milliseconds) != 0) {
        build_refuse(build, word,
                     "is no time: \"%s\" takes a number with ms, s, m, h or d, as in 30s or "
                     "1h30m",
                     build->rule->name);
    } else if (milliseconds < build->rule->low || milliseconds > build->rule->high) {
        build_refuse(build, word, "is out of range: \"%s\" is %.*s to %.*s", build->rule->name,
                     SLICE_PRINTF(time_text(build, build->rule->low)),
                     SLICE_PRINTF(time_text(build, build->rule->high)));
    } else {
        *(double *)build_field(build) = (double)milliseconds / 1000.0;
    }
}

void set_size(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    uint64_t bytes;

    if (build->rule->word && (slice_equal(word->text, slice_of(build->rule->word)) ||
                              slice_equal(word->text, SLICE("0"))))
        *(uint64_t *)build_field(build) = 0;
    else if (value_size(word->text, &bytes) != 0)
        build_refuse(build, word,
                     "is no size: \"%s\" takes a number of bytes, or one with k, m or g%s%s%s",
                     build->rule->name, build->rule->word ? ", or \"" : "",
                     build->rule->word ? build->rule->word : "", build->rule->word ? "\"" : "");
    else if (bytes < build->rule->low || bytes > build->rule->high)
        build_refuse(build, word, "is out of range: \"%s\" is %llu to %llu bytes",
                     build->rule->name, (unsigned long long)build->rule->low,
                     (unsigned long long)build->rule->high);
    else
        *(uint64_t *)build_field(build) = bytes;
}

void set_number(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    uint64_t number;

    if (build->rule->word && slice_equal(word->text, slice_of(build->rule->word))) {
        *(uint32_t *)build_field(build) = 0;
    } else if (slice_to_u64(word->text, build->rule->high, &number) != 0 ||
               number < build->rule->low) {
        build_refuse(build, word, "is not allowed: \"%s\" takes a number from %llu to %llu%s%s%s",
                     build->rule->name, (unsigned long long)build->rule->low,
                     (unsigned long long)build->rule->high, build->rule->word ? " or \"" : "",
                     build->rule->word ? build->rule->word : "", build->rule->word ? "\"" : "");
    } else {
        *(uint32_t *)build_field(build) = (uint32_t)number;
    }
}

void set_flag(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    bool is_on = slice_equal_nocase(word->text, SLICE("on"));

    if (!is_on && !slice_equal_nocase(word->text, SLICE("off")))
        build_refuse(build, word, "is not allowed: \"%s\" is \"on\" or \"off\"", build->rule->name);
    else
        *(bool *)build_field(build) = is_on;
}

void set_text(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct config_text *field = build_field(build);

    if (!build_is_text(word->text))
        diag_error(build->diags, word->place, "\"%s\" is empty or has control characters",
                   build->rule->name);
    else
        *field = (struct config_text){arena_slice(build->arena, word->text),
                                      build_place(build, word->place)};
}

void set_path(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];

    if (build_names_file(build, word))
        *(struct slice *)build_field(build) = build_path(build, word->text);
}

/* ---- nginx's idioms ---- */

static bool is_usual(const struct build *build, const struct config_directive *directive)
{
    return directive->word_count == 2 &&
           slice_equal_nocase(directive->words[1].text, slice_of(build->rule->word));
}

void set_idiom(struct build *build, const struct config_directive *directive)
{
    if (!is_usual(build, directive))
        diag_error(build->diags, directive->words[1].place, "\"%s\" can only be \"%s\": %s",
                   build->rule->name, build->rule->word, build->rule->note);
}

void set_usual(struct build *build, const struct config_directive *directive)
{
    if (!is_usual(build, directive))
        diag_warning(build->diags, directive->words[1].place, "\"%s\" has no effect: %s",
                     build->rule->name, build->rule->note);
}

void set_tuning(struct build *build, const struct config_directive *directive)
{
    diag_warning(build->diags, directive->words[0].place, "\"%s\" has no effect: %s",
                 build->rule->name, build->rule->note);
}
