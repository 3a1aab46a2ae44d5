/* SPDX-License-Identifier: MIT */
/* Reading a tenant: its configuration, the files that it names, what it listens on. */
#include "files/plan_read.h"

#include "plan_internal.h"
#include "regular_file_internal.h"

#include "base/descriptor.h"
#include "base/memory.h"
#include "ipc/datagram.h"
#include "logs/advice.h"
#include "logs/log_file.h"
#include "tenant/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Lives while one file is read. */
struct plan_reader {
    const struct plan_source *source;
    struct diag_list *diags;
    struct config_tree tree;
    struct config_tenant model;
    struct dependencies dependencies;
    struct bundle_file *files; /* what has been read so far */
    uint32_t file_count;
    uint32_t file_capacity;
};

static void plan_reader_open(struct plan_reader *reader)
{
    const struct plan_source *source = reader->source;
    const struct config_main *model = &source->settings->model;
    struct recorder recorder;

    config_tree_init(&reader->tree);
    recorder_init(&recorder, &reader->dependencies, source->dump);
    config_parse(&reader->tree, &recorder.loader, source->file, reader->diags);
    config_tenant_build(&reader->model,
                        &(struct config_tenant_source){.name = source->name,
                                                       .folder = model->folder,
                                                       .defaults = model->defaults,
                                                       .root = &reader->tree.root},
                        reader->diags);
}

static void plan_reader_close(struct plan_reader *reader)
{
    for (uint32_t i = 0; i < reader->file_count; i++)
        memory_wipe_free((void *)reader->files[i].bytes.data, reader->files[i].bytes.len);
    free(reader->files);
    config_tenant_free(&reader->model);
    config_tree_free(&reader->tree);
    dependencies_free(&reader->dependencies);
}

/* ---- files ---- */

static bool plan_reader_has(const struct plan_reader *reader, struct slice path)
{
    for (uint32_t i = 0; i < reader->file_count; i++) {
        if (slice_equal(reader->files[i].path, path))
            return true;
    }
    return false;
}

static void plan_read_file(struct plan_reader *reader, struct slice path, struct diag_place place,
                           bool is_private)
{
    struct slice bytes;
    const char *why;
    mode_t mode;
    char *name;

    if (path.len == 0 || plan_reader_has(reader, path))
        return;
    name = arena_text(&reader->model.arena, path);
    dependencies_add_file(&reader->dependencies, name);
    if (regular_file_read(name, &bytes, &mode, &why) < 0) {
        diag_error(reader->diags, place, "cannot read \"%s\": %s", name, why);
        return;
    }
    if (is_private && (mode & (S_IRGRP | S_IROTH)) != 0)
        diag_warning(reader->diags, place, "key file \"%s\" can be read by others (mode %04o)",
                     name, (unsigned)(mode & 07777));
    reader->files = memory_room(reader->files, reader->file_count, &reader->file_capacity,
                                sizeof(reader->files[0]));
    reader->files[reader->file_count++] = (struct bundle_file){path, bytes, is_private};
}

static void plan_read_server_files(struct plan_reader *reader, const struct config_server *server)
{
    const struct config_verification *verification = server->verification;

    for (uint32_t i = 0; i < server->certificate_count; i++) {
        const struct config_certificate *pair = &server->certificates[i];

        plan_read_file(reader, pair->certificate, pair->place, false);
        plan_read_file(reader, pair->key, pair->key_place, true);
    }
    if (!verification)
        return;
    plan_read_file(reader, verification->named.path, verification->named.place, false);
    plan_read_file(reader, verification->trusted.path, verification->trusted.place, false);
}

static void plan_read_files(struct plan_reader *reader)
{
    const struct config_tenant *model = &reader->model;

    for (uint32_t i = 0; i < model->server_count; i++)
        plan_read_server_files(reader, &model->servers[i]);
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        const struct config_transport *transport = model->upstreams[i].transport;

        if (transport)
            plan_read_file(reader, transport->trusted, transport->trusted_place, false);
    }
}

/* Makes none, as for error_log. */
static void plan_try_logs(const struct plan_reader *reader)
{
    const struct config_tenant *model = &reader->model;

    for (uint32_t i = 0; i < model->log_destination_count; i++) {
        const struct config_log_destination *destination = &model->log_destinations[i];
        char advice[LOG_ADVICE];
        const char *why;
        char *path;
        int fd = -1;

        if (destination->kind != LOG_TO_FILE)
            continue;
        path = memory_slice_text(destination->path);
        if (log_file_open(reader->source->opener, path, false, &fd, &why) < 0) {
            log_advice(path, advice);
            diag_error(reader->diags, destination->place, "cannot open the access log \"%s\": %s%s",
                       path, why, advice);
        }
        descriptor_close(fd);
        free(path);
    }
}

/* ---- the plan ---- */

static bool plan_model_has_names(const struct config_tenant *model)
{
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        for (uint32_t j = 0; j < model->upstreams[i].endpoint_count; j++) {
            if (model->upstreams[i].endpoints[j].address.len == 0)
                return true;
        }
    }
    return false;
}

static void plan_fill_netns(struct plan_netns *netns, const struct config_netns *from)
{
    netns->kind = from->kind;
    netns->path = from->path ? memory_text(from->path) : NULL;
    netns->pid = from->pid;
    netns->text = memory_slice_text(from->text);
}

static void plan_add_servers(struct plan *plan, const struct config_netns *netns)
{
    for (uint32_t i = 0; i < plan->server_count; i++) {
        if (slice_equal(slice_of(plan->servers[i].text), netns->text))
            return;
    }
    plan->servers =
        memory_resize(plan->servers, (plan->server_count + 1) * sizeof(plan->servers[0]));
    plan->servers[plan->server_count] = (struct plan_netns){0};
    plan_fill_netns(&plan->servers[plan->server_count++], netns);
}

/* A tenant has few servers, so that each is looked for among all. */
static void plan_fill_servers(struct plan *plan, const struct config_tenant *model)
{
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        for (uint32_t j = 0; j < model->upstreams[i].endpoint_count; j++) {
            if (model->upstreams[i].endpoints[j].netns)
                plan_add_servers(plan, model->upstreams[i].endpoints[j].netns);
        }
    }
}

static char *plan_place_text(struct diag_place place)
{
    char text[4096 + 32]; /* PATH_MAX, and two numbers */

    snprintf(text, sizeof(text), "%s:%u:%u", place.file, place.line, place.column);
    return memory_text(text);
}

static void plan_fill_cells(struct plan *plan, const struct config_tenant *model)
{
    plan->cells = memory_zeroed(model->zone_count, sizeof(plan->cells[0]));
    for (uint32_t i = 0; i < model->zone_count; i++) {
        const struct config_zone *zone = &model->zones[i];

        plan->cells[plan->cells_count++] =
            (struct plan_cells){zone->kind == ZONE_COUNTS ? CELLS_COUNTS : CELLS_RATES,
                                memory_slice_text(zone->identity), zone->size};
    }
}

static void plan_fill_logs(struct plan *plan, const struct config_tenant *model)
{
    plan->logs = memory_zeroed(model->log_destination_count, sizeof(plan->logs[0]));
    while (plan->log_count < model->log_destination_count) {
        log_place_set(&plan->logs[plan->log_count], &model->log_destinations[plan->log_count]);
        plan->log_count++;
    }
}

static void plan_fill(struct plan *plan, struct plan_reader *reader)
{
    const struct config_tenant *model = &reader->model;

    plan_fill_netns(&plan->netns, &model->netns);
    plan_fill_servers(plan, model);
    plan_fill_cells(plan, model);
    plan_fill_logs(plan, model);
    plan_fill_certificates(plan, model);
    plan->has_names = plan_model_has_names(model);
    plan->dependencies = reader->dependencies;
    reader->dependencies = (struct dependencies){0};
    plan->listener_count = model->listen_count;
    plan->listeners = memory_zeroed(model->listen_count, sizeof(plan->listeners[0]));
    for (uint32_t i = 0; i < model->listen_count; i++) {
        const struct config_listen *from = &model->listens[i];
        struct plan_listener *listener = &plan->listeners[i];

        listener->address = from->address;
        listener->text = memory_slice_text(from->text);
        if (model->netns.kind == NETNS_HOST)
            listener->where = plan_place_text(from->place);
        listener->backlog = from->backlog;
        listener->ipv6only = from->ipv6only;
    }
}

/* What host names stood for when they were last resolved: should they have no address now. */
static void plan_add_known_names(struct plan_reader *reader, struct bundle *bundle)
{
    const struct ipc_blob *known = reader->source->known;
    struct bundle before;

    if (!known || bundle_decode(&before, &reader->model.arena, ipc_blob_bytes(known)) != 0)
        return;
    bundle->names = before.names;
    bundle->name_count = before.name_count;
}

static void plan_fill_bundle(struct plan *plan, struct plan_reader *reader)
{
    const struct config_main *model = &reader->source->settings->model;
    struct bundle bundle = {.tenant = reader->source->name,
                            .folder = model->folder,
                            .defaults = model->defaults,
                            .root = &reader->tree.root,
                            .files = reader->files,
                            .file_count = reader->file_count};
    struct wire_writer writer;

    plan_add_known_names(reader, &bundle);
    wire_writer_init(&writer);
    bundle_encode(&writer, &bundle);
    if (wire_written(&writer).len <= IPC_BLOB_MAX)
        plan->bundle = ipc_blob_new(wire_written(&writer));
    else
        diag_error(reader->diags, reader->model.netns.place,
                   "the tenant's files are larger than %u MiB together", IPC_BLOB_MAX >> 20);
    wire_writer_free(&writer);
}

int plan_read(struct plan *plan, const struct plan_source *source, struct diag_list *diags)
{
    struct plan_reader reader = {.source = source, .diags = diags};

    *plan = (struct plan){0};
    plan_reader_open(&reader);
    if (diags->errors == 0)
        plan_read_files(&reader);
    if (diags->errors == 0 && source->opener)
        plan_try_logs(&reader);
    if (diags->errors == 0) {
        plan_fill(plan, &reader);
        plan_fill_bundle(plan, &reader);
    }
    plan_reader_close(&reader);
    if (diags->errors == 0)
        return 0;
    plan_free(plan);
    return ERROR_CONFIG;
}
