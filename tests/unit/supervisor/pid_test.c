/* SPDX-License-Identifier: MIT */
/* The pid file and its lock. */
#include "../../../src/supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(pid, held_once_and_gone_with_its_holder)
{
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char path[64];
    struct pid_file first = {0};
    struct pid_file second = {0};
    const char *why;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
    cr_assert_eq(pid_file_holder(path, &why), -1);
    cr_assert_eq(pid_file_take(&first, path), 0);
    cr_assert_eq(pid_file_take(&second, path), -1);
    cr_assert_eq(pid_file_holder(path, &why), getpid());
    pid_file_release(&first);
    cr_assert_lt(access(path, F_OK), 0);
    pid_file_release(&first);
    rmdir(folder);
}

Test(pid, a_stale_one_is_no_obstacle)
{
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char path[64];
    struct pid_file pid = {0};
    const char *why;
    FILE *file;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
    file = fopen(path, "w");
    fprintf(file, "%d and more than was expected\n", (int)getppid());
    fclose(file);
    cr_assert_eq(pid_file_holder(path, &why), -1, "nobody holds it");
    cr_assert_eq(pid_file_take(&pid, path), 0);
    cr_assert_eq(pid_file_holder(path, &why), getpid());
    pid_file_release(&pid);
    rmdir(folder);
}

Test(pid, where_nothing_can_be_written)
{
    struct pid_file pid = {0};

    cr_assert_eq(pid_file_take(&pid, "/nowhere/pid"), -1);
    cr_assert_null(pid.path);
}
