/* SPDX-License-Identifier: MIT */
/* The end of a descriptor. */
#include "base/descriptor.h"

#include <errno.h>
#include <unistd.h>

int descriptor_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}
