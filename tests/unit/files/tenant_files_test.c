/* SPDX-License-Identifier: MIT */
/* Which tenants' files the main file names. */
#include "files/tenant_files.h"

#include "folder.h"

#include <criterion/criterion.h>

TestSuite(tenant_files, .init = folder_open, .fini = folder_close);

Test(tenant_files, names)
{
    struct diag_list diags;
    struct settings *settings;
    struct tenant_files files;

    diag_list_init(&diags);
    folder_write("tenants/b.conf", "%s", "");
    folder_write("tenants/a.conf", "%s", "");
    folder_write("tenants/x.y", "%s", "");
    folder_write("nsgate.conf", "tenants tenants/*;\n");
    settings = folder_settings(&diags);
    cr_assert_not_null(settings);
    cr_assert_eq(tenant_files_find(&files, settings, "nsgate.conf", &config_files, &diags), 0);
    cr_assert_eq(files.count, 3);
    cr_assert(slice_equal(files.items[0].name, SLICE("a")));
    cr_assert(slice_equal(files.items[1].name, SLICE("b")));
    cr_assert(slice_equal(files.items[2].name, SLICE("x.y")));
    tenant_files_free(&files);
    settings_free(settings);
    folder_write("nsgate.conf", "tenants nothing/*;\n");
    settings = folder_settings(&diags);
    diag_list_free(&diags);
    diag_list_init(&diags);
    cr_assert_eq(tenant_files_find(&files, settings, "nsgate.conf", &config_files, &diags), 0);
    cr_assert_eq(files.count, 0);
    cr_assert_eq(diags.warnings, 1);
    tenant_files_free(&files);
    settings_free(settings);
    diag_list_free(&diags);
}
