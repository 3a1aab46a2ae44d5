/* SPDX-License-Identifier: MIT */
/* Memfds that nobody can change. */
#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

Test(sealed, what_was_put_in_comes_out)
{
    int fd = sealed_new("test", SLICE("secret"));
    struct slice bytes;

    cr_assert_geq(fd, 0);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_lt(pwrite(fd, "x", 1, 0), 0);
    cr_assert_lt(ftruncate(fd, 0), 0);
    cr_assert_null(sealed_map(fd, &bytes));
    cr_assert(slice_equal(bytes, SLICE("secret")));
    sealed_unmap(bytes);
    close(fd);
}

Test(sealed, an_empty_one)
{
    int fd = sealed_new("test", SLICE(""));
    struct slice bytes;

    cr_assert_null(sealed_map(fd, &bytes));
    cr_assert_eq(bytes.len, 0);
    sealed_unmap(bytes);
    close(fd);
}

Test(sealed, what_can_be_changed_is_refused)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct slice bytes;

    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_not_null(sealed_map(fd, &bytes));
    cr_assert_eq(bytes.len, 0);
    cr_assert_not_null(sealed_map(-1, &bytes));
    close(fd);
}
