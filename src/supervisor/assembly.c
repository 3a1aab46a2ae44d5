/* SPDX-License-Identifier: MIT */
/* Assembling a tenant: its configuration, the files it names, its listeners. */
#include "assembly_internal.h"

#include "files_internal.h"

#include "base/memory.h"
#include "ipc/datagram.h"
#include "tenant/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void assembly_open(struct assembly *assembly, const struct settings *settings, struct slice name,
                   const char *file, struct recorder_dump *dump)
{
    struct recorder recorder;

    *assembly = (struct assembly){.settings = settings, .name = name};
    diag_list_init(&assembly->diags);
    config_tree_init(&assembly->tree);
    recorder_init(&recorder, &assembly->dependencies, dump);
    config_parse(&assembly->tree, &recorder.loader, file, &assembly->diags);
    config_tenant_build(&assembly->model, name, settings->model.folder, settings->model.defaults,
                        &assembly->tree.root, &assembly->diags);
}

void assembly_close(struct assembly *assembly)
{
    config_tenant_free(&assembly->model);
    config_tree_free(&assembly->tree);
    dependencies_free(&assembly->dependencies);
    diag_list_free(&assembly->diags);
}

/* ---- files ---- */

/* What has been read so far; freed with the bundle's making. */
struct assembly_files {
    struct bundle_file *items;
    uint32_t count;
    uint32_t capacity;
};

static const struct bundle_file *assembly_has_file(const struct assembly_files *files,
                                                   struct slice path)
{
    for (uint32_t i = 0; i < files->count; i++) {
        if (slice_equal(files->items[i].path, path))
            return &files->items[i];
    }
    return NULL;
}

static void assembly_read_file(struct assembly *assembly, struct assembly_files *files,
                               struct slice path, struct diag_place place, bool is_private)
{
    struct slice bytes;
    const char *why;
    mode_t mode;
    char *name;

    if (assembly_has_file(files, path))
        return;
    name = arena_text(&assembly->model.arena, path);
    dependencies_add_file(&assembly->dependencies, name);
    if (files_read(name, &bytes, &mode, &why) < 0) {
        diag_error(&assembly->diags, place, "cannot read \"%s\": %s", name, why);
        return;
    }
    if (is_private && (mode & (S_IRGRP | S_IROTH)) != 0)
        diag_warning(&assembly->diags, place, "key file \"%s\" can be read by others (mode %04o)",
                     name, (unsigned)(mode & 07777));
    if (files->count == files->capacity) {
        files->capacity = files->capacity ? files->capacity * 2 : 8;
        files->items = memory_resize(files->items, files->capacity * sizeof(files->items[0]));
    }
    files->items[files->count++] = (struct bundle_file){path, bytes, is_private};
}

static void assembly_read_trusted(struct assembly *assembly, struct assembly_files *files,
                                  const struct config_file *file)
{
    if (file->path.len > 0)
        assembly_read_file(assembly, files, file->path, file->place, false);
}

static void assembly_read_files(struct assembly *assembly, struct assembly_files *files)
{
    for (uint32_t i = 0; i < assembly->model.server_count; i++) {
        const struct config_server *server = &assembly->model.servers[i];

        for (uint32_t j = 0; j < server->certificate_count; j++) {
            const struct config_certificate *pair = &server->certificates[j];

            assembly_read_file(assembly, files, pair->certificate, pair->place, false);
            assembly_read_file(assembly, files, pair->key, pair->key_place, true);
        }
        if (server->verification) {
            assembly_read_trusted(assembly, files, &server->verification->named);
            assembly_read_trusted(assembly, files, &server->verification->trusted);
        }
    }
    for (uint32_t i = 0; i < assembly->model.upstream_count; i++) {
        const struct config_transport *transport = assembly->model.upstreams[i].transport;

        if (transport && transport->trusted.len > 0)
            assembly_read_file(assembly, files, transport->trusted, transport->trusted_place,
                               false);
    }
}

static void assembly_free_files(struct assembly_files *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        memory_wipe_free((void *)files->items[i].bytes.data, files->items[i].bytes.len);
    free(files->items);
}

/* ---- the plan ---- */

static bool assembly_has_names(const struct config_tenant *model)
{
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        for (uint32_t j = 0; j < model->upstreams[i].endpoint_count; j++) {
            if (model->upstreams[i].endpoints[j].address_len == 0)
                return true;
        }
    }
    return false;
}

static void assembly_fill_netns(struct plan_netns *netns, const struct config_netns *from)
{
    netns->kind = from->kind;
    netns->path = from->path ? memory_text(from->path) : NULL;
    netns->pid = from->pid;
    netns->text = memory_slice_text(from->text);
}

static void assembly_add_place(struct plan *plan, const struct config_netns *netns)
{
    for (uint32_t i = 0; i < plan->place_count; i++) {
        if (slice_equal(slice_of(plan->places[i].text), netns->text))
            return;
    }
    plan->places = memory_resize(plan->places, (plan->place_count + 1) * sizeof(plan->places[0]));
    plan->places[plan->place_count] = (struct plan_netns){0};
    assembly_fill_netns(&plan->places[plan->place_count++], netns);
}

/* A tenant has few servers, so that each is looked for among all places. */
static void assembly_fill_places(struct plan *plan, const struct config_tenant *model)
{
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        for (uint32_t j = 0; j < model->upstreams[i].endpoint_count; j++) {
            if (model->upstreams[i].endpoints[j].netns)
                assembly_add_place(plan, model->upstreams[i].endpoints[j].netns);
        }
    }
}

static char *assembly_place_text(struct diag_place place)
{
    char text[4096 + 32]; /* PATH_MAX, and two numbers */

    snprintf(text, sizeof(text), "%s:%u:%u", place.file, place.line, place.column);
    return memory_text(text);
}

static void assembly_fill(struct assembly *assembly, struct plan *plan)
{
    const struct config_tenant *model = &assembly->model;

    assembly_fill_netns(&plan->netns, &model->netns);
    assembly_fill_places(plan, model);
    plan->has_names = assembly_has_names(model);
    plan->dependencies = assembly->dependencies;
    assembly->dependencies = (struct dependencies){0};
    plan->listener_count = model->listen_count;
    plan->listeners = memory_zeroed(model->listen_count, sizeof(plan->listeners[0]));
    for (uint32_t i = 0; i < model->listen_count; i++) {
        const struct config_listen *from = &model->listens[i];
        struct plan_listener *listener = &plan->listeners[i];

        address_set(&listener->address, &from->address.any, from->address_len);
        if (from->zone[0])
            address_set_zone(&listener->address, from->zone);
        listener->text = memory_slice_text(from->text);
        if (model->netns.kind == NETNS_HOST)
            listener->where = assembly_place_text(from->place);
        listener->backlog = from->backlog;
        listener->ipv6only = from->ipv6only;
    }
}

/* What host names stood for when they were last resolved: should they have no address now. */
static void assembly_add_names(struct assembly *assembly, struct bundle *bundle)
{
    struct bundle known;

    if (!assembly->known ||
        bundle_decode(&known, &assembly->model.arena, ipc_blob_bytes(assembly->known)) != 0)
        return;
    bundle->names = known.names;
    bundle->name_count = known.name_count;
}

int assembly_plan(struct assembly *assembly, struct plan *plan)
{
    struct assembly_files files = {0};
    struct wire_writer writer;

    *plan = (struct plan){0};
    assembly_read_files(assembly, &files);
    if (assembly->diags.errors == 0) {
        struct bundle bundle = {.tenant = assembly->name,
                                .folder = assembly->settings->model.folder,
                                .defaults = assembly->settings->model.defaults,
                                .root = &assembly->tree.root,
                                .files = files.items,
                                .file_count = files.count};

        assembly_add_names(assembly, &bundle);
        wire_writer_init(&writer);
        bundle_encode(&writer, &bundle);
        assembly_fill(assembly, plan);
        if (wire_written(&writer).len <= IPC_BLOB_MAX)
            plan->bundle = ipc_blob_new(wire_written(&writer));
        else
            diag_error(&assembly->diags, assembly->model.netns.place,
                       "the tenant's files are larger than %u MiB together", IPC_BLOB_MAX >> 20);
        wire_writer_free(&writer);
    }
    assembly_free_files(&files);
    if (assembly->diags.errors == 0)
        return 0;
    plan_free(plan);
    return ERROR_CONFIG;
}
