/* SPDX-License-Identifier: MIT */
/* rooms: config base */
/* Parses any text and builds both models of what comes out; no file is ever opened. */
#include "base/error.h"
#include "config/model.h"

#include <stdlib.h>

static int no_file(void *context, struct arena *arena, const char *path, struct slice *text,
                   const char **why)
{
    (void)context;
    (void)arena;
    (void)path;
    (void)text;
    *why = "there are no files here";
    return -1;
}

static int no_match(void *context, struct arena *arena, const char *pattern,
                    struct config_paths *paths, const char **why)
{
    (void)context;
    (void)arena;
    (void)pattern;
    (void)why;
    *paths = (struct config_paths){NULL, 0};
    return 0;
}

/* What is promised of every model that was built without an error. */
static void check_tenant(const struct config_tenant *model)
{
    for (uint32_t i = 0; i < model->listen_count; i++) {
        const struct config_listen *listen = &model->listens[i];

        if (listen->server_count == 0 || listen->default_server >= model->server_count)
            abort();
        if (listen->ssl && model->servers[listen->default_server].certificate_count == 0)
            abort();
    }
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        if (model->upstreams[i].endpoint_count == 0)
            abort();
    }
    for (uint32_t i = 0; i < model->server_count; i++) {
        const struct config_server *server = &model->servers[i];

        if (server->name_count == 0 || !server->settings)
            abort();
        for (uint32_t j = 0; j < server->location_count; j++) {
            const struct config_location *location = &server->locations[j];

            if (location->has_proxy && location->proxy.upstream >= model->upstream_count)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config_loader loader = {no_file, no_match, NULL};
    struct slice text = {(const char *)data, size};
    struct config_tenant tenant;
    struct config_tree tree;
    struct config_main model;
    struct diag_list diags;
    int parsed, built;

    diag_list_init(&diags);
    config_tree_init(&tree);
    parsed = config_parse_text(&tree, &loader, "fuzz.conf", text, &diags);
    if ((parsed != 0) != (diags.errors != 0))
        abort();
    config_main_build(&model, &tree, "/etc/nsgate/fuzz.conf", &diags);
    built = config_tenant_build(&tenant,
                                &(struct config_tenant_source){.name = SLICE("fuzz"),
                                                               .folder = SLICE("/etc/nsgate"),
                                                               .defaults = model.defaults,
                                                               .root = &tree.root},
                                &diags);
    config_tree_free(&tree); /* the tenant's model must stand without it */
    if (built == 0)
        check_tenant(&tenant);
    config_tenant_free(&tenant);
    config_main_free(&model);
    diag_list_free(&diags);
    return 0;
}
