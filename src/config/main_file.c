/* SPDX-License-Identifier: MIT */
/* Builds the main file's model. */
#include "build_internal.h"
#include "defaults_internal.h"

#include "base/error.h"

#include <stdlib.h>
#include <unistd.h>

/* The folder of the main file. Its links stay unresolved: one that is turned to another release
 * takes effect at the next reload. */
static struct slice folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice folder = {path, slash ? (size_t)(slash - path) : 0};
    struct slice result;
    char *here;

    if (path[0] == '/')
        return folder.len ? arena_slice(arena, folder) : arena_slice(arena, SLICE("/"));
    here = getcwd(NULL, 0);
    result = arena_printf(arena, "%s%s%.*s", here ? here : "", folder.len ? "/" : "",
                          SLICE_PRINTF(folder));
    free(here);
    return result;
}

int config_main_build(struct config_main *model, const struct config_tree *tree, const char *path,
                      struct diag_list *diags)
{
    unsigned before = diags->errors;
    struct level level;
    struct build build;

    *model = default_main;
    arena_init(&model->arena, 1024);
    model->folder = folder_of(&model->arena, path);
    levels_init(&build, &model->arena, model->folder, diags);
    build.main = model;
    build_level(&build, &level, CONTEXT_MAIN, &tree->root);
    main_finish_defaults(&build);
    model->tenant_globs = list_copy(&build.globs, &model->arena, sizeof(struct slice));
    model->tenant_glob_count = build.globs.count;
    model->observes = list_copy(&build.observes, &model->arena, sizeof(struct config_observe));
    model->observe_count = build.observes.count;
    /* A file that cannot be read, or not to its end, may well have some. */
    if (build.globs.count == 0 && diags->errors == 0)
        diag_warning(diags, ((struct diag_place){path, 0, 0}),
                     "there is no \"tenants\": nothing is served");
    build_end(&build);
    return diags->errors == before ? 0 : ERROR_CONFIG;
}

void config_main_free(struct config_main *model)
{
    arena_free(&model->arena);
    *model = (struct config_main){0};
}
