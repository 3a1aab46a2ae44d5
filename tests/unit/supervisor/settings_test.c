/* SPDX-License-Identifier: MIT */
/* The main file, and which tenants' files it names. */
#include "../../../src/supervisor/tenant_files_internal.h"

#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct settings *read_settings(const struct rig *rig, struct diag_list *diags)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/nsgate.conf", rig->folder);
    return settings_read(path, &config_files, diags);
}

Test(settings, what_all_tenants_share)
{
    struct rig rig;
    struct diag_list diags;
    struct settings *a;
    struct settings *b;
    struct settings *c;
    char *user;

    rig_open(&rig);
    diag_list_init(&diags);
    rig_write(&rig, "nsgate.conf", "defaults { keepalive_timeout 7s; }\nworker_processes 3;\n");
    a = read_settings(&rig, &diags);
    rig_write(&rig, "nsgate.conf", "defaults { keepalive_timeout 7s; }\nworker_processes 99;\n");
    b = read_settings(&rig, &diags);
    rig_write(&rig, "nsgate.conf", "defaults { keepalive_timeout 8s; }\n");
    c = read_settings(&rig, &diags);
    cr_assert(a && b && c);
    cr_assert(settings_same_tenancy(a, b));
    cr_assert_not(settings_same_tenancy(a, c));
    cr_assert_eq(settings_workers(a), 3);
    cr_assert_eq(settings_workers(b), 64);
    cr_assert_geq(settings_workers(c), 1);
    user = settings_text(a->model.user);
    cr_assert_str_eq(user, "nobody");
    free(user);
    settings_free(a);
    settings_free(b);
    settings_free(c);
    diag_list_free(&diags);
    rig_close(&rig);
}

Test(settings, mistakes)
{
    struct rig rig;
    struct diag_list diags;

    rig_open(&rig);
    diag_list_init(&diags);
    rig_write(&rig, "nsgate.conf", "user nobody-by-that-name no-such-group;\n");
    cr_assert_null(read_settings(&rig, &diags));
    cr_assert_eq(diags.errors, 2);
    rig_write(&rig, "nsgate.conf", "worker_processes {\n");
    cr_assert_null(read_settings(&rig, &diags));
    cr_assert_gt(diags.errors, 2);
    diag_list_free(&diags);
    rig_close(&rig);
}

Test(tenant_files, names)
{
    struct rig rig;
    struct diag_list diags;
    struct settings *settings;
    struct tenant_files files;

    rig_open(&rig);
    diag_list_init(&diags);
    rig_write(&rig, "tenants/b.conf", "%s", "");
    rig_write(&rig, "tenants/a.conf", "%s", "");
    rig_write(&rig, "tenants/x.y", "%s", "");
    rig_write(&rig, "nsgate.conf", "tenants tenants/*;\n");
    settings = read_settings(&rig, &diags);
    cr_assert_not_null(settings);
    cr_assert_eq(tenant_files_find(&files, settings, "nsgate.conf", &config_files, &diags), 0);
    cr_assert_eq(files.count, 3);
    cr_assert(slice_equal(files.items[0].name, SLICE("a")));
    cr_assert(slice_equal(files.items[1].name, SLICE("b")));
    cr_assert(slice_equal(files.items[2].name, SLICE("x.y")));
    tenant_files_free(&files);
    settings_free(settings);
    rig_write(&rig, "nsgate.conf", "tenants nothing/*;\n");
    settings = read_settings(&rig, &diags);
    diag_list_free(&diags);
    diag_list_init(&diags);
    cr_assert_eq(tenant_files_find(&files, settings, "nsgate.conf", &config_files, &diags), 0);
    cr_assert_eq(files.count, 0);
    cr_assert_eq(diags.warnings, 1);
    tenant_files_free(&files);
    settings_free(settings);
    diag_list_free(&diags);
    rig_close(&rig);
}
