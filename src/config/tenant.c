/* SPDX-License-Identifier: MIT */
/* Builds a tenant's model: defaults, then its file, then what only the whole can tell. */
#include "tenant_internal.h"

#include "base/error.h"
#include "defaults_internal.h"

bool config_tenant_name_is_valid(struct slice name)
{
    return name.len > 0 && name.len <= 64 && slice_is_only(name, SLICE_ALPHANUMERIC "._-");
}

/* Where the file as a whole is meant. */
static struct diag_place file_place(const struct config_tenant *model,
                                    const struct config_block *root)
{
    const struct config_directive *first = STAILQ_FIRST(root);

    if (first)
        return (struct diag_place){first->words[0].place.file, 0, 0};
    return (struct diag_place){model->name.data, 0, 0};
}

static bool has_directive(const struct config_block *block, struct slice name)
{
    const struct config_directive *directive;

    STAILQ_FOREACH (directive, block, next) {
        if (slice_equal(directive->words[0].text, name))
            return true;
    }
    return false;
}

static void finish(struct build *build, const struct config_block *root)
{
    struct config_tenant *model = build->tenant;
    struct tenant_build *parts = build->parts;

    model->upstreams = list_copy(&parts->upstreams, build->arena, sizeof(struct config_upstream));
    model->upstream_count = parts->upstreams.count;
    model->servers = list_copy(&parts->servers, build->arena, sizeof(struct config_server));
    model->server_count = parts->servers.count;
    handshakes_finish(build);
    zones_finish(build);
    log_formats_finish(build);
    model->log_destinations =
        list_copy(&parts->log_destinations, build->arena, sizeof(struct config_log_destination));
    model->log_destination_count = parts->log_destinations.count;
    listen_finish(build);
    certificate_check_listens(build);
    server_check_names(build);
    verification_check_tenant(build, root);
    if (STAILQ_EMPTY(root) && build->diags->errors > 0)
        return; /* it could not be read, so that nothing is missing in it */
    if (!has_directive(root, SLICE("netns")))
        diag_error(build->diags, file_place(model, root),
                   "\"netns\" is missing: it says in which network namespace the tenant lives, as "
                   "in \"netns %.*s;\" or \"netns host;\"",
                   SLICE_PRINTF(model->name));
    if (!has_directive(root, SLICE("server")))
        diag_warning(build->diags, file_place(model, root),
                     "there is no \"server\": this tenant listens nowhere");
}

/* The main file's build has told what is wrong with them; a tenant hears nothing of it again. */
static void apply_defaults(struct build *build, struct level *level,
                           const struct config_block *defaults)
{
    struct diag_list *diags = build->diags;
    struct diag_list unheard;

    diag_list_init(&unheard);
    build->diags = &unheard;
    build_level(build, level, CONTEXT_DEFAULTS, defaults);
    build->diags = diags;
    diag_list_free(&unheard);
}

int config_tenant_build(struct config_tenant *model, const struct config_tenant_source *source,
                        struct diag_list *diags)
{
    struct slice name = source->name;
    const struct config_block *root = source->root;
    unsigned before = diags->errors;
    struct tenant_build parts = {0};
    struct level defaults_level, level;
    struct build build;

    *model = default_tenant;
    arena_init(&model->arena, 512);
    model->name = arena_slice(&model->arena, name);
    levels_init(&build, &model->arena, source->folder, diags);
    build.tenant = model;
    build.parts = &parts;
    if (!config_tenant_name_is_valid(name))
        diag_error(diags, file_place(model, root),
                   "\"%.*s\" is no tenant's name: 1 to 64 of A-Z, a-z, 0-9, \".\", \"_\", \"-\"",
                   SLICE_PRINTF(slice_head(name, 80)));
    if (source->defaults) {
        apply_defaults(&build, &defaults_level, source->defaults);
        build.level = &defaults_level;
    }
    build_level(&build, &level, CONTEXT_TENANT, root);
    finish(&build, root);
    build_end(&build);
    return diags->errors == before ? 0 : ERROR_CONFIG;
}

void config_tenant_free(struct config_tenant *model)
{
    arena_free(&model->arena);
    *model = (struct config_tenant){0};
}
