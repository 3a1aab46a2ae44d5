/* SPDX-License-Identifier: MIT */
/* A folder with a main file and tenants' files, one per test. */
#include "folder.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/nsg-files-XXXXXX";

void folder_open(void)
{
    char path[128];

    cr_assert_not_null(mkdtemp(folder));
    folder_path("tenants", path);
    cr_assert_eq(mkdir(path, 0755), 0);
}

static int folder_remove(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

void folder_close(void)
{
    nftw(folder, folder_remove, 8, FTW_DEPTH | FTW_PHYS);
}

void folder_path(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
}

void folder_write(const char *name, const char *format, ...)
{
    char path[128];
    va_list arguments;
    FILE *file;

    folder_path(name, path);
    file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fclose(file);
}

struct settings *folder_settings(struct diag_list *diags)
{
    char path[128];

    folder_path("nsgate.conf", path);
    return settings_read(path, &config_files, diags);
}
