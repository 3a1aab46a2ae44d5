/* SPDX-License-Identifier: MIT */
/* Descriptors: read whole, written without waiting, and closed. */
#include "base/descriptor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

mode_t descriptor_kind(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/* Where nothing better is to be had: asks first. Another process may take the last room between. */
static ssize_t descriptor_write_if_ready(int fd, const void *data, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT))
        return write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
    errno = EAGAIN;
    return -1;
}

ssize_t descriptor_write(int fd, mode_t kind, const void *data, size_t size)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = size};
    ssize_t done;

    switch (kind) {
    case S_IFREG:
        return write(fd, data, size);
    case S_IFSOCK: /* systemd's journal */
        return send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    default:
        done = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
        return done < 0 && errno == EOPNOTSUPP ? descriptor_write_if_ready(fd, data, size) : done;
    }
}

int descriptor_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}
