/* SPDX-License-Identifier: MIT */
/* Descriptors are read whole, and closed; none is left alone, and errno stays. */
#include "base/descriptor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

Test(descriptor, closes_and_keeps_errno)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    errno = EPERM;
    cr_expect_eq(descriptor_close(fd), -1);
    cr_expect_eq(errno, EPERM);
    cr_expect_eq(fcntl(fd, F_GETFD), -1);
}

Test(descriptor, writes_what_fits_without_waiting)
{
    static char data[1 << 20];
    int ends[2];
    ssize_t done;

    cr_assert_eq(pipe(ends), 0); /* which blocks */
    cr_assert_eq(descriptor_kind(ends[1]), S_IFIFO);
    done = descriptor_write(ends[1], S_IFIFO, data, sizeof(data));
    cr_assert_gt(done, 0);
    cr_assert_lt(done, (ssize_t)sizeof(data));
    while (descriptor_write(ends[1], S_IFIFO, data, sizeof(data)) > 0)
        continue;
    cr_assert_eq(errno, EAGAIN);
    close(ends[0]);
    close(ends[1]);
    cr_assert_eq(descriptor_kind(ends[1]), 0);
}

Test(descriptor, none_is_left_alone)
{
    errno = EPERM;
    cr_expect_eq(descriptor_close(-1), -1);
    cr_expect_eq(errno, EPERM);
}

Test(descriptor, reads_whole_in_pieces_and_up_to_the_end)
{
    char data[16] = "";
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "abc", 3), 3);
    cr_expect_eq(descriptor_read(ends[0], data, 2), 2, "no more than is wanted");
    cr_assert_eq(write(ends[1], "de", 2), 2);
    close(ends[1]);
    cr_expect_eq(descriptor_read(ends[0], data + 2, sizeof(data) - 2), 3);
    cr_expect_str_eq(data, "abcde");
    close(ends[0]);
    cr_expect_eq(descriptor_read(ends[0], data, 1), -1);
    cr_expect_eq(errno, EBADF);
}
