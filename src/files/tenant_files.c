/* SPDX-License-Identifier: MIT */
/* Expanding the main file's `tenants` patterns to files and tenants' names. */
#include "files/tenant_files.h"

static struct slice tenant_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_of(slash ? slash + 1 : path);

    return slice_ends_with(name, SLICE(".conf")) ? slice_head(name, name.len - 5) : name;
}

/* Appends one pattern's files. */
static void tenant_files_append(struct tenant_files *files, const struct config_paths *paths)
{
    struct tenant_file *items =
        ARENA_ARRAY(&files->arena, struct tenant_file, files->count + paths->count);

    if (files->count > 0)
        memcpy(items, files->items, files->count * sizeof(*items));
    files->items = items;
    for (size_t i = 0; i < paths->count; i++)
        items[files->count++] =
            (struct tenant_file){paths->items[i], tenant_file_name(paths->items[i])};
}

int tenant_files_find(struct tenant_files *files, const struct settings *settings,
                      const char *config, const struct config_loader *loader,
                      struct diag_list *diags)
{
    struct diag_place place = {.file = config};
    int result = 0;

    *files = (struct tenant_files){0};
    arena_init(&files->arena, 16384);
    for (uint32_t i = 0; i < settings->model.tenant_glob_count; i++) {
        char *pattern = arena_text(&files->arena, settings->model.tenant_globs[i]);
        struct config_paths paths = {NULL, 0};
        const char *why = "";

        if (loader->expand(loader->context, &files->arena, pattern, &paths, &why) != 0) {
            diag_error(diags, place, "cannot list the tenants' files \"%s\": %s", pattern, why);
            result = -1;
        } else if (paths.count == 0) {
            diag_warning(diags, place, "no tenant's file matches \"%s\"", pattern);
        } else {
            tenant_files_append(files, &paths);
        }
    }
    return result;
}

void tenant_files_free(struct tenant_files *files)
{
    arena_free(&files->arena);
    *files = (struct tenant_files){0};
}
