/* SPDX-License-Identifier: MIT */
/* From a tenant's file to its plan. */
#include "files/plan_read.h"

#include "folder.h"

#include "tenant/bundle.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

struct desk {
    const char *opener;
    struct settings *settings;
    struct diag_list diags;
    struct plan plan;
};

/* Reads tenants/a.conf. */
static int read_plan(struct desk *desk)
{
    struct plan_source source = {.name = SLICE("a"), .opener = desk->opener};
    char path[128];

    folder_write("nsgate.conf", "tenants tenants/*.conf;\n");
    folder_path("tenants/a.conf", path);
    diag_list_init(&desk->diags);
    source.settings = desk->settings = folder_settings(&desk->diags);
    source.file = path;
    return plan_read(&desk->plan, &source, &desk->diags);
}

static void clear(struct desk *desk)
{
    plan_free(&desk->plan);
    diag_list_free(&desk->diags);
    settings_free(desk->settings);
}

TestSuite(plan_read, .init = folder_open, .fini = folder_close);

Test(plan_read, a_whole_tenant)
{
    struct desk desk = {0};
    struct bundle bundle;
    struct arena arena;
    char key[128];

    folder_write("a.crt", "certificate");
    folder_write("a.key", "key");
    folder_path("a.key", key);
    cr_assert_eq(chmod(key, 0640), 0);
    folder_write("tenants/a.conf",
                 "netns acme;\nupstream app { server app.internal:80; }\n"
                 "server { listen 10.0.0.1:443 ssl backlog=7; listen [::1]:443 ssl;\n"
                 "ssl_certificate a.crt; ssl_certificate_key a.key;\n"
                 "location / { proxy_pass http://app; } }\n");
    cr_assert_eq(read_plan(&desk), 0);
    cr_assert_eq(desk.diags.warnings, 1, "the key's mode");
    cr_assert_str_eq(desk.plan.netns.text, "acme");
    cr_assert(desk.plan.has_names);
    cr_assert_eq(desk.plan.listener_count, 2);
    cr_assert_str_eq(desk.plan.listeners[0].text, "10.0.0.1:443");
    cr_assert_eq(desk.plan.listeners[0].backlog, 7);
    cr_assert_eq(desk.plan.dependencies.count, 3);
    cr_assert_eq(desk.plan.certificate_count, 1);
    cr_assert_str_eq(desk.plan.certificates[0].server, "");
    cr_assert_str_eq(desk.plan.certificates[0].key, key);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, ipc_blob_bytes(desk.plan.bundle)), 0);
    cr_assert_eq(bundle.file_count, 2);
    cr_assert(slice_equal(bundle_find_file(&bundle, slice_of(key))->bytes, SLICE("key")));
    cr_assert(bundle_find_file(&bundle, slice_of(key))->is_private);
    arena_free(&arena);
    clear(&desk);
}

/* Only -t asks, and makes none. */
Test(plan_read, files_of_access_logs_are_tried)
{
    static const char tenant[] = "netns acme;\nserver { listen 10.0.0.1:80;\n"
                                 "access_log fresh; access_log none/log; return 200; }\n";
    char path[128];

    for (int tries = 0; tries < 2; tries++) {
        struct desk desk = {.opener = tries ? "/proc/self/exe" : NULL};

        folder_write("tenants/a.conf", tenant);
        cr_assert_eq(read_plan(&desk), tries ? ERROR_CONFIG : 0);
        cr_assert_eq(desk.diags.errors, tries ? 1 : 0);
        clear(&desk);
        folder_path("fresh", path);
        cr_assert_lt(access(path, F_OK), 0);
    }
}

Test(plan_read, files_that_cannot_be_read_are_all_told)
{
    struct desk desk = {0};
    char fifo[128];

    folder_path("a.crt", fifo);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    folder_write("tenants/a.conf",
                 "netns acme;\nserver { listen 443 ssl;\n"
                 "ssl_certificate a.crt; ssl_certificate_key a.key; return 200; }\n");
    cr_assert_neq(read_plan(&desk), 0);
    cr_assert_eq(desk.diags.errors, 2);
    cr_assert_eq(STAILQ_FIRST(&desk.diags.items)->place.line, 3);
    cr_assert_null(desk.plan.bundle);
    clear(&desk);
}

Test(plan_read, what_clients_are_verified_against_is_read)
{
    struct desk desk = {0};
    struct bundle bundle;
    struct arena arena;
    char path[128];

    folder_write("a.crt", "certificate");
    folder_write("a.key", "key");
    folder_write("ca.pem", "authority");
    folder_write("more.pem", "another");
    folder_write("tenants/a.conf",
                 "netns acme; server { listen 10.0.0.1:443 ssl; return 204;\n"
                 "ssl_certificate a.crt; ssl_certificate_key a.key; ssl_verify_client on;\n"
                 "ssl_client_certificate ca.pem; ssl_trusted_certificate more.pem; }\n");
    cr_assert_eq(read_plan(&desk), 0);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, ipc_blob_bytes(desk.plan.bundle)), 0);
    cr_assert_eq(bundle.file_count, 4);
    folder_path("more.pem", path);
    cr_assert(slice_equal(bundle_find_file(&bundle, slice_of(path))->bytes, SLICE("another")));
    cr_assert_eq(desk.plan.dependencies.count, 5, "and followed");
    arena_free(&arena);
    clear(&desk);
}
