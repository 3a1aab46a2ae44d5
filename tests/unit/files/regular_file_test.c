/* SPDX-License-Identifier: MIT */
/* Reading files that may be anything. */
#include "files/regular_file_internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_refusal(const char *path, const char *reason)
{
    struct slice text;
    const char *why;
    mode_t mode;

    cr_assert_eq(regular_file_read(path, &text, &mode, &why), -1);
    cr_assert_str_eq(why, reason);
}

Test(regular_file, is_all_that_is_read)
{
    char folder[] = "/tmp/nsg-files-XXXXXX";
    char path[64];
    struct slice text;
    const char *why;
    mode_t mode;
    int fd;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x", folder);
    expect_refusal(path, "No such file or directory");
    expect_refusal(folder, "not a regular file");
    expect_refusal("/dev/zero", "not a regular file");
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refusal(path, "not a regular file"); /* and does not hang */
    unlink(path);
    fd = open(path, O_CREAT | O_RDWR, 0640);
    cr_assert_eq(regular_file_read(path, &text, &mode, &why), 0);
    cr_assert_eq(text.len, 0);
    free((void *)text.data);
    cr_assert_eq(write(fd, "hello", 5), 5);
    cr_assert_eq(regular_file_read(path, &text, &mode, &why), 0);
    cr_assert(slice_equal(text, SLICE("hello")));
    cr_assert_eq(mode & 07777, 0640);
    free((void *)text.data);
    cr_assert_eq(ftruncate(fd, REGULAR_FILE_MAX), 0);
    cr_assert_eq(regular_file_read(path, &text, &mode, &why), 0);
    cr_assert_eq(text.len, REGULAR_FILE_MAX);
    free((void *)text.data);
    cr_assert_eq(ftruncate(fd, REGULAR_FILE_MAX + 1), 0);
    expect_refusal(path, "larger than 1 MiB");
    close(fd);
    unlink(path);
    rmdir(folder);
}
