/* SPDX-License-Identifier: MIT */
/* The main file. */
#include "files/settings.h"

#include "folder.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(settings, .init = folder_open, .fini = folder_close);

Test(settings, what_all_tenants_share)
{
    struct diag_list diags;
    struct settings *a;
    struct settings *b;
    struct settings *c;
    char *user;

    diag_list_init(&diags);
    folder_write("nsgate.conf", "defaults { keepalive_timeout 7s; }\nworker_processes 3;\n");
    a = folder_settings(&diags);
    folder_write("nsgate.conf", "defaults { keepalive_timeout 7s; }\nworker_processes 99;\n");
    b = folder_settings(&diags);
    folder_write("nsgate.conf", "defaults { keepalive_timeout 8s; }\n");
    c = folder_settings(&diags);
    cr_assert(a && b && c);
    cr_assert(settings_same_tenancy(a, b));
    cr_assert_not(settings_same_tenancy(a, c));
    cr_assert_eq(settings_workers(a), 3);
    cr_assert_eq(settings_workers(b), 64);
    cr_assert_geq(settings_workers(c), 1);
    user = memory_slice_text(a->model.user);
    cr_assert_str_eq(user, "nobody");
    free(user);
    settings_free(a);
    settings_free(b);
    settings_free(c);
    diag_list_free(&diags);
}

Test(settings, mistakes)
{
    struct diag_list diags;

    diag_list_init(&diags);
    folder_write("nsgate.conf", "user nobody-by-that-name no-such-group;\n");
    cr_assert_null(folder_settings(&diags));
    cr_assert_eq(diags.errors, 1);
    folder_write("nsgate.conf", "user nobody no-such-group;\n");
    cr_assert_null(folder_settings(&diags));
    cr_assert_eq(diags.errors, 2);
    folder_write("nsgate.conf", "worker_processes {\n");
    cr_assert_null(folder_settings(&diags));
    cr_assert_gt(diags.errors, 2);
    diag_list_free(&diags);
}

/* In another process, the main file may say something else by now. */
Test(settings, they_travel)
{
    struct cage_identity identity = {.user = 12, .group = 34};
    struct wire_writer bytes;
    struct settings *first;
    struct settings *again;
    struct diag_list diags;

    diag_list_init(&diags);
    folder_write("nsgate.conf",
                 "worker_processes 3;\ntenants x/*.conf;\ndefaults { keepalive_timeout 7s; }\n");
    first = folder_settings(&diags);
    wire_writer_init(&bytes);
    settings_put(&bytes, first);
    again = settings_get("/etc/other.conf", wire_written(&bytes), &identity, &diags);
    cr_assert_not_null(again);
    cr_assert_eq(diags.errors, 0);
    cr_assert_eq(settings_workers(again), 3);
    cr_assert_eq(again->identity.user, 12);
    cr_assert_eq(again->model.tenant_glob_count, 1);
    cr_assert(slice_equal(again->model.folder, SLICE("/etc")));
    settings_free(again);
    bytes.len--;
    cr_assert_null(settings_get("/etc/other.conf", wire_written(&bytes), &identity, &diags));
    cr_assert_eq(diags.errors, 1);
    settings_free(first);
    wire_writer_free(&bytes);
    diag_list_free(&diags);
}
