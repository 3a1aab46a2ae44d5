/* SPDX-License-Identifier: MIT */
/* Which tenants' files the main file names. */
#include "supervisor/tenant_files_internal.h"

#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct settings *read_settings(const struct rig *rig, struct diag_list *diags)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/nsgate.conf", rig->folder);
    return settings_read(path, &config_files, diags);
}

TestSuite(tenant_files, .fini = rig_end);

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
