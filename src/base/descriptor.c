/* SPDX-License-Identifier: MIT */
/* Descriptors: read whole, and closed. */
#include "base/descriptor.h"

#include <errno.h>
#include <unistd.h>

ssize_t descriptor_read(int fd, void *data, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, (char *)data + len, size - len);

        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0)
            break;
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

int descriptor_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}
