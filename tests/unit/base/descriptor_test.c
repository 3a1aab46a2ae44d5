/* SPDX-License-Identifier: MIT */
/* A descriptor is closed, none is left alone, and errno stays either way. */
#include "base/descriptor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

Test(descriptor, closes_and_keeps_errno)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    errno = EPERM;
    cr_expect_eq(descriptor_close(fd), -1);
    cr_expect_eq(errno, EPERM);
    cr_expect_eq(fcntl(fd, F_GETFD), -1);
}

Test(descriptor, none_is_left_alone)
{
    errno = EPERM;
    cr_expect_eq(descriptor_close(-1), -1);
    cr_expect_eq(errno, EPERM);
}
