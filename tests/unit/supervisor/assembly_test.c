/* SPDX-License-Identifier: MIT */
/* From a tenant's file to its plan. */
#include "supervisor/assembly_internal.h"

#include "rig.h"

#include "tenant/bundle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

struct desk {
    struct rig rig;
    struct settings *settings;
    struct assembly assembly;
    struct plan plan;
};

static int assemble(struct desk *desk)
{
    char path[128];
    struct diag_list diags;

    diag_list_init(&diags);
    snprintf(path, sizeof(path), "%s/nsgate.conf", desk->rig.folder);
    desk->settings = settings_read(path, &config_files, &diags);
    diag_list_free(&diags);
    snprintf(path, sizeof(path), "%s/tenants/a.conf", desk->rig.folder);
    assembly_open(&desk->assembly, desk->settings, SLICE("a"), path, NULL);
    return desk->assembly.diags.errors > 0 ? -1 : assembly_plan(&desk->assembly, &desk->plan);
}

static void clear(struct desk *desk)
{
    plan_free(&desk->plan);
    assembly_close(&desk->assembly);
    settings_free(desk->settings);
    rig_close(&desk->rig);
}

TestSuite(assembly, .fini = rig_end);

Test(assembly, a_whole_tenant)
{
    struct desk desk = {0};
    struct bundle bundle;
    struct arena arena;
    char key[128];

    rig_open(&desk.rig);
    rig_write(&desk.rig, "a.crt", "certificate");
    rig_write(&desk.rig, "a.key", "key");
    snprintf(key, sizeof(key), "%s/a.key", desk.rig.folder);
    cr_assert_eq(chmod(key, 0640), 0);
    rig_write(&desk.rig, "tenants/a.conf",
              "netns acme;\nupstream app { server app.internal:80; }\n"
              "server { listen 10.0.0.1:443 ssl backlog=7; listen [::1]:443 ssl;\n"
              "ssl_certificate a.crt; ssl_certificate_key a.key;\n"
              "location / { proxy_pass http://app; } }\n");
    cr_assert_eq(assemble(&desk), 0);
    cr_assert_eq(desk.assembly.diags.warnings, 1, "the key's mode");
    cr_assert_str_eq(desk.plan.netns.text, "acme");
    cr_assert(desk.plan.has_names);
    cr_assert_eq(desk.plan.listener_count, 2);
    cr_assert_str_eq(desk.plan.listeners[0].text, "10.0.0.1:443");
    cr_assert_eq(desk.plan.listeners[0].backlog, 7);
    cr_assert_eq(desk.plan.dependencies.count, 3);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, ipc_blob_bytes(desk.plan.bundle)), 0);
    cr_assert_eq(bundle.file_count, 2);
    cr_assert(slice_equal(bundle_find_file(&bundle, slice_of(key))->bytes, SLICE("key")));
    cr_assert(bundle_find_file(&bundle, slice_of(key))->is_private);
    arena_free(&arena);
    clear(&desk);
}

Test(assembly, files_that_cannot_be_read_are_all_told)
{
    struct desk desk = {0};
    char fifo[128];

    rig_open(&desk.rig);
    snprintf(fifo, sizeof(fifo), "%s/a.crt", desk.rig.folder);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    rig_write(&desk.rig, "tenants/a.conf",
              "netns acme;\nserver { listen 443 ssl;\n"
              "ssl_certificate a.crt; ssl_certificate_key a.key; return 200; }\n");
    cr_assert_neq(assemble(&desk), 0);
    cr_assert_eq(desk.assembly.diags.errors, 2);
    cr_assert_eq(STAILQ_FIRST(&desk.assembly.diags.items)->place.line, 3);
    cr_assert_null(desk.plan.bundle);
    clear(&desk);
}

Test(assembly, what_clients_are_verified_against_is_read)
{
    struct desk desk = {0};
    struct bundle bundle;
    struct arena arena;
    char path[128];

    rig_open(&desk.rig);
    rig_write(&desk.rig, "a.crt", "certificate");
    rig_write(&desk.rig, "a.key", "key");
    rig_write(&desk.rig, "ca.pem", "authority");
    rig_write(&desk.rig, "more.pem", "another");
    rig_write(&desk.rig, "tenants/a.conf",
              "netns acme; server { listen 10.0.0.1:443 ssl; return 204;\n"
              "ssl_certificate a.crt; ssl_certificate_key a.key; ssl_verify_client on;\n"
              "ssl_client_certificate ca.pem; ssl_trusted_certificate more.pem; }\n");
    cr_assert_eq(assemble(&desk), 0);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, ipc_blob_bytes(desk.plan.bundle)), 0);
    cr_assert_eq(bundle.file_count, 4);
    snprintf(path, sizeof(path), "%s/more.pem", desk.rig.folder);
    cr_assert(slice_equal(bundle_find_file(&bundle, slice_of(path))->bytes, SLICE("another")));
    cr_assert_eq(desk.plan.dependencies.count, 5, "and followed");
    arena_free(&arena);
    clear(&desk);
}
