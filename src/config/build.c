/* SPDX-License-Identifier: MIT */
/* What setters share: levels in levels, settings of their own, places and paths of the model. */
#include "build_internal.h"

#include "defaults_internal.h"

#include <stdio.h>

void build_end(struct build *build)
{
    arena_free(&build->scratch);
}

void build_level(struct build *build, struct level *level, enum context context,
                 const struct config_block *block)
{
    *level = (struct level){.outer = build->level,
                            .context = context,
                            .block = block,
                            .settings = build->level ? build->level->settings : &default_settings};
    build->level = level;
    build->read_level(build);
    build->level = level->outer;
}

struct config_settings *build_settings(struct build *build)
{
    struct level *level = build->level;

    if (!level->own) {
        level->own = arena_alloc(build->arena, sizeof(*level->own));
        *level->own = *level->settings;
        level->settings = level->own;
    }
    return level->own;
}

uint32_t build_count(const struct build *build, struct slice name)
{
    const struct config_directive *directive;
    uint32_t count = 0;

    STAILQ_FOREACH (directive, build->level->block, next) {
        if (slice_equal(directive->words[0].text, name))
            count++;
    }
    return count;
}

void build_refuse(struct build *build, const struct config_word *word, const char *format, ...)
{
    struct slice written = slice_head(word->text, 64);
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    diag_error(build->diags, word->place, "\"%.*s\" %s", SLICE_PRINTF(written), text);
}

bool build_names_file(struct build *build, const struct config_word *word)
{
    bool is_good = build_is_text(word->text);

    if (!is_good)
        diag_error(build->diags, word->place, "\"%s\" names no file", build->rule->name);
    return is_good;
}

struct diag_place build_place(struct build *build, struct diag_place place)
{
    unsigned slot = 0;

    while (slot < BUILD_FILES && build->files[slot] != place.file)
        slot++;
    if (slot == BUILD_FILES) {
        slot = build->file_next++ % BUILD_FILES;
        build->files[slot] = place.file;
        build->file_copies[slot] = arena_text(build->arena, slice_of(place.file));
    }
    place.file = build->file_copies[slot];
    return place;
}

struct slice build_path(struct build *build, struct slice path)
{
    if (slice_starts_with(path, SLICE("/")))
        return arena_slice(build->arena, path);
    return arena_printf(build->arena, "%.*s%s%.*s", SLICE_PRINTF(build->folder),
                        slice_ends_with(build->folder, SLICE("/")) ? "" : "/", SLICE_PRINTF(path));
}
