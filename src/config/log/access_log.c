/* SPDX-License-Identifier: MIT */
/* access_log: which lines go where; inherited all or nothing, as in nginx. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

/* The list of this level, where one more has room. */
static struct config_access_log *add(struct build *build)
{
    struct config_settings *settings = build_settings(build);

    if (!build->level->access_logs) {
        build->level->access_logs = ARENA_ARRAY(build->arena, struct config_access_log,
                                                build_count(build, slice_of(build->rule->name)));
        settings->access_logs = build->level->access_logs;
        settings->access_log_count = 0;
    }
    return &build->level->access_logs[settings->access_log_count];
}

static bool is_off(const struct config_directive *directive)
{
    return slice_equal(directive->words[1].text, SLICE("off"));
}

/* `off` cancels all of its level, wherever it stands there. */
static bool level_is_off(const struct build *build)
{
    const struct config_directive *directive;

    STAILQ_FOREACH (directive, build->level->block, next) {
        if (slice_equal(directive->words[0].text, slice_of(build->rule->name)) &&
            directive->word_count > 1 && is_off(directive))
            return true;
    }
    return false;
}

/* ---- parameters ---- */

static void tell_no_effect(struct build *build, const struct config_word *word)
{
    if (!build->parts->told_log_buffers)
        diag_notice(build->diags, word->place,
                    "\"buffer\", \"flush\" and \"gzip\" of \"%s\" have no effect: lines are "
                    "written in batches, at least once a second",
                    build->rule->name);
    build->parts->told_log_buffers = true;
}

/* Of buffer=, flush= and gzip what nginx would refuse is refused here too. Returns false for
 * another word. */
static bool read_buffer(struct build *build, const struct config_word *word)
{
    struct slice text = word->text;
    bool is_right = true;
    uint64_t value;

    if (slice_starts_with(text, SLICE("buffer=")))
        is_right = value_size(slice_from(text, 7), &value) == 0 && value > 0;
    else if (slice_starts_with(text, SLICE("flush=")))
        is_right = value_time(slice_from(text, 6), &value) == 0 && value > 0;
    else if (slice_starts_with(text, SLICE("gzip=")))
        is_right = slice_to_u64(slice_from(text, 5), 9, &value) == 0 && value > 0;
    else if (!slice_equal(text, SLICE("gzip")))
        return false;
    if (is_right)
        tell_no_effect(build, word);
    else
        diag_error(build->diags, word->place, "invalid parameter \"%.*s\" of \"%s\"",
                   SLICE_PRINTF(slice_head(text, 64)), build->rule->name);
    return true;
}

static bool read_condition(struct build *build, const struct config_word *word,
                           struct config_access_log *log)
{
    if (!slice_starts_with(word->text, SLICE("if=")))
        return false;
    log->is_conditional = true;
    config_template_parse(&log->condition, build->arena, slice_from(word->text, 3), word->place,
                          build->diags);
    return true;
}

static void read_words(struct build *build, const struct config_directive *directive,
                       struct config_access_log *log)
{
    struct log_format_use use = {log, SLICE("combined"), directive->words[1].place};

    for (uint32_t i = 2; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];

        if (read_buffer(build, word) || read_condition(build, word, log))
            continue;
        if (i > 2) {
            diag_error(build->diags, word->place, "invalid parameter \"%.*s\" of \"%s\"",
                       SLICE_PRINTF(slice_head(word->text, 64)), build->rule->name);
            return;
        }
        use.name = word->text;
        use.place = word->place;
    }
    log_format_use(build, &use);
}

void set_access_log(struct build *build, const struct config_directive *directive)
{
    struct config_access_log *log = add(build);

    if (is_off(directive)) {
        if (directive->word_count > 2)
            build_refuse(build, &directive->words[2], "is too much: \"off\" stands alone in \"%s\"",
                         build->rule->name);
        return;
    }
    if (!log_destination_read(build, &directive->words[1], &log->destination))
        return;
    read_words(build, directive, log);
    if (!level_is_off(build))
        build_settings(build)->access_log_count++;
}
