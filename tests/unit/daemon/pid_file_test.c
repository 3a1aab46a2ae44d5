/* SPDX-License-Identifier: MIT */
/* The pid file and its lock. */
#include "daemon/pid_file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Test(pid, held_once_and_gone_with_its_holder)
{
    char text[512];
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char path[64];
    struct pid_file first = {0};
    struct pid_file second = {0};
    const char *why;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
    cr_assert_eq(pid_file_holder(path, &why), -1);
    cr_assert_eq(pid_file_take(&first, path, text, sizeof(text)), 0);
    cr_assert_eq(pid_file_take(&second, path, text, sizeof(text)), -1);
    cr_assert_eq(pid_file_holder(path, &why), getpid());
    pid_file_release(&first);
    cr_assert_lt(access(path, F_OK), 0);
    pid_file_release(&first);
    rmdir(folder);
}

Test(pid, a_stale_one_is_no_obstacle)
{
    char text[512];
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
    cr_assert_eq(pid_file_take(&pid, path, text, sizeof(text)), 0);
    cr_assert_eq(pid_file_holder(path, &why), getpid());
    pid_file_release(&pid);
    rmdir(folder);
}

static int try_lock(const char *path, int flags, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET};
    int fd = open(path, flags | O_CLOEXEC);

    return fd < 0 ? -1 : fcntl(fd, F_OFD_SETLK, &range);
}

/* Who could read it could hold a lock on it, and an nsgate that was stopped could not start. */
Test(pid, nobody_else_can_be_in_its_way)
{
    char text[512];
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char path[64];
    struct pid_file pid = {0};
    struct stat status;
    const char *why;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
    close(open(path, O_CREAT | O_CLOEXEC | O_WRONLY, 0644)); /* of an earlier version */
    cr_assert_eq(pid_file_take(&pid, path, text, sizeof(text)), 0);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_lt(try_lock(path, O_RDONLY, F_RDLCK), 0);
    pid_file_release(&pid);
    /* Who only asks does not disturb who starts, and a reader is no holder. */
    close(open(path, O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
    cr_assert_eq(try_lock(path, O_RDONLY, F_RDLCK), 0);
    cr_assert_eq(pid_file_holder(path, &why), -1);
    cr_assert_not_null(strstr(why, "not running"));
    unlink(path);
    rmdir(folder);
}

Test(pid, where_nothing_can_be_written)
{
    char text[512];
    struct pid_file pid = {0};

    cr_assert_eq(pid_file_take(&pid, "/nowhere/pid", text, sizeof(text)), -1);
    cr_assert_str_eq(text, "cannot open pid file /nowhere/pid: No such file or directory");
    cr_assert_null(pid.path);
    cr_assert_eq(pid_file_take(&pid, "/tmp", text, sizeof(text)), -1);
    cr_assert_eq(pid_file_take(&pid, "/dev/null", text, sizeof(text)), -1);
}

/* Neither the holder nor who asks for it follows a link; what it leads to stays as it is. */
Test(pid, a_symbolic_link_is_refused_by_name)
{
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char target[64];
    char path[64];
    char text[512];
    struct pid_file pid = {0};
    struct stat status;
    const char *why;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(target, sizeof(target), "%s/target", folder);
    snprintf(path, sizeof(path), "%s/pid", folder);
    cr_assert_eq(symlink(target, path), 0);
    for (int i = 0; i < 2; i++) { /* the second time it leads to a file */
        cr_assert_eq(pid_file_take(&pid, path, text, sizeof(text)), -1);
        cr_assert_not_null(strstr(text, "symbolic link"), "%s", text, sizeof(text));
        cr_assert_eq(pid_file_try(path, text, sizeof(text)), -1);
        cr_assert_not_null(strstr(text, "symbolic link"), "%s", text, sizeof(text));
        cr_assert_eq(pid_file_holder(path, &why), -1);
        cr_assert_not_null(strstr(why, "symbolic link"), "%s", why);
        close(open(target, O_CREAT | O_CLOEXEC | O_WRONLY, 0644));
    }
    cr_assert_eq(stat(target, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0644);
    unlink(path);
    unlink(target);
    rmdir(folder);
}

Test(pid, trying_makes_and_changes_nothing)
{
    char folder[] = "/tmp/nsg-pid-XXXXXX";
    char path[64];
    char text[512];
    struct pid_file pid = {0};
    struct stat status;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
    cr_assert_eq(pid_file_try(path, text, sizeof(text)), 0);
    cr_assert_lt(access(path, F_OK), 0);
    cr_assert_eq(pid_file_take(&pid, path, text, sizeof(text)), 0);
    cr_assert_eq(pid_file_try(path, text, sizeof(text)), 0, "who holds it is no obstacle");
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_gt(status.st_size, 0);
    pid_file_release(&pid);
    cr_assert_eq(pid_file_try("/nowhere/pid", text, sizeof(text)), -1);
    cr_assert_not_null(strstr(text, "No such file"));
    cr_assert_eq(pid_file_try("/dev/null", text, sizeof(text)), -1);
    rmdir(folder);
}
