/* SPDX-License-Identifier: MIT */
/* What setters share: levels in levels, settings of their own, places and paths of the model. */
#include "build_internal.h"

#include "defaults_internal.h"

void build_end(struct build *build)
{
    arena_free(&build->scratch);
}

void build_inner(const struct build *build, struct level *level, enum context context,
                 const struct config_block *block)
{
    *level = (struct level){.context = context,
                            .block = block,
                            .settings = build->level ? build->level->settings : &default_settings};
}

void build_level(struct build *build, struct level *level)
{
    level->outer = build->level;
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
    if (path.len && path.data[0] == '/')
        return arena_slice(build->arena, path);
    return arena_printf(build->arena, "%.*s%s%.*s", SLICE_PRINTF(build->folder),
                        slice_ends_with(build->folder, SLICE("/")) ? "" : "/", SLICE_PRINTF(path));
}
