/* SPDX-License-Identifier: MIT */
/* Reading the main file, and what of it all tenants share. */
#include "files/settings.h"

#include "base/memory.h"
#include "ipc/tally.h"
#include "tenant/bundle.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

/* A user that does not exist would let every child die at its start, so it is told here. */
static void settings_find_identity(struct settings *settings, const char *path,
                                   struct diag_list *diags)
{
    const struct config_main *model = &settings->model;
    struct diag_place place = {.file = path};
    const char *why = NULL;

    if (cage_find(&settings->identity, model->user, model->group, &why) == 0) {
        settings->identity.sandbox = (uint8_t)model->sandbox;
        return;
    }
    diag_error(diags, place, "user \"%.*s%s%.*s\": %s: %s", SLICE_PRINTF(model->user),
               model->group.len > 0 ? " " : "", SLICE_PRINTF(model->group), why,
               errno == ENOENT ? "there is none of that name" : strerror(errno));
}

static void settings_encode_tenancy(struct settings *settings)
{
    struct config_block empty = STAILQ_HEAD_INITIALIZER(empty);
    struct bundle bundle = {
        .folder = settings->model.folder, .defaults = settings->model.defaults, .root = &empty};

    bundle_encode(&settings->tenancy, &bundle);
}

struct settings *settings_read(const char *path, const struct config_loader *loader,
                               struct diag_list *diags)
{
    struct settings *settings = memory_zeroed(1, sizeof(*settings));
    int parsed;
    int built;

    config_tree_init(&settings->tree);
    wire_writer_init(&settings->tenancy);
    parsed = config_parse(&settings->tree, loader, path, diags);
    built = config_main_build(&settings->model, &settings->tree, path, diags);
    if (built == 0)
        settings_find_identity(settings, path, diags);
    if (parsed != 0 || built != 0 || diags->errors > 0) {
        settings_free(settings);
        return NULL;
    }
    settings_encode_tenancy(settings);
    return settings;
}

/* nsgate's default is not for a file that may name another one behind its error: whoever listens
 * there may be another main file's. */
static bool settings_name_pid(const struct config_tree *tree)
{
    const struct config_directive *directive;

    STAILQ_FOREACH (directive, &tree->root, next) {
        if (slice_equal(directive->words[0].text, SLICE("pid")) && directive->word_count == 2)
            return true;
    }
    return false;
}

char *settings_pid_file(const char *path, const struct config_loader *loader,
                        struct diag_list *diags)
{
    struct config_main model;
    struct config_tree tree;
    char *result = NULL;
    bool is_good;

    config_tree_init(&tree);
    is_good = config_parse(&tree, loader, path, diags) == 0;
    is_good = config_main_build(&model, &tree, path, diags) == 0 && is_good;
    if (is_good || settings_name_pid(&tree))
        result = memory_slice_text(model.pid_file);
    config_main_free(&model);
    config_tree_free(&tree);
    return result;
}

void settings_put(struct wire_writer *writer, const struct settings *settings)
{
    struct bundle bundle = {.root = &settings->tree.root};

    bundle_encode(writer, &bundle);
}

struct settings *settings_get(const char *path, struct slice bytes,
                              const struct cage_identity *identity, struct diag_list *diags)
{
    struct settings *settings = memory_zeroed(1, sizeof(*settings));
    struct config_tree *tree = &settings->tree;
    struct bundle bundle;

    config_tree_init(tree);
    wire_writer_init(&settings->tenancy);
    if (bundle_decode(&bundle, &tree->arena, arena_slice(&tree->arena, bytes)) != 0) {
        diag_error(diags, (struct diag_place){.file = path}, "what was kept of it is damaged");
        settings_free(settings);
        return NULL;
    }
    STAILQ_CONCAT(&tree->root, (struct config_block *)bundle.root);
    if (config_main_build(&settings->model, tree, path, diags) != 0) {
        settings_free(settings);
        return NULL;
    }
    settings->identity = *identity;
    settings_encode_tenancy(settings);
    return settings;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    config_main_free(&settings->model);
    config_tree_free(&settings->tree);
    wire_writer_free(&settings->tenancy);
    free(settings);
}

bool settings_same_tenancy(const struct settings *a, const struct settings *b)
{
    return slice_equal(bundle_content(wire_written(&a->tenancy)),
                       bundle_content(wire_written(&b->tenancy)));
}

unsigned settings_workers(const struct settings *settings)
{
    unsigned wanted = settings->model.worker_processes;
    cpu_set_t cores;

    if (wanted == 0) {
        /* As many as this process may run on, which is less than there are under taskset(1). */
        wanted = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
    }
    return wanted < TALLY_WORKERS ? wanted : TALLY_WORKERS;
}
