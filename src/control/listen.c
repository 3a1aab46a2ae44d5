/* SPDX-License-Identifier: MIT */
/* Takes a name for a Unix socket, from what an nsgate that was killed has left, and from nobody
 * else. */
#include "control/listen.h"

#include "control/connect.h"

#include "control_internal.h"

#include "base/descriptor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whether somebody listens there. A full backlog is somebody's, too. */
static bool listen_is_alive(const char *path)
{
    int fd = control_reach(path, SOCK_NONBLOCK);

    if (fd < 0)
        return errno == EAGAIN;
    close(fd);
    return true;
}

void listen_name_remove(const char *path, const struct listen_name *name)
{
    struct stat status;
    int saved = errno;

    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        (!name || (status.st_dev == name->device && status.st_ino == name->inode)))
        unlink(path);
    errno = saved;
}

/* Takes what is stale out of the way: never what is no socket, nor what is another's. One that has
 * come in between, of an nsgate that starts as we do, is put back. */
static int listen_clear(const char *path, const char *aside)
{
    struct stat status;

    errno = EEXIST;
    if (lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return -1;
    if (listen_is_alive(path)) {
        errno = EADDRINUSE;
        return -1;
    }
    if (rename(path, aside) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!listen_is_alive(aside))
        return unlink(aside);
    if (rename(aside, path) == 0)
        errno = EADDRINUSE;
    return -1;
}

/* The socket listens before it gets its name: nobody finds one there that seems dead. */
static int listen_take_name(const char *fresh, const char *path, struct listen_name *name)
{
    char aside[PATH_MAX + 32];
    struct stat status;
    int result;

    if (lstat(fresh, &status) < 0)
        return -1;
    if (name)
        *name = (struct listen_name){status.st_dev, status.st_ino};
    snprintf(aside, sizeof(aside), "%s.old", fresh);
    do
        result = link(fresh, path);
    while (result < 0 && errno == EEXIST && listen_clear(path, aside) == 0);
    return result;
}

/* Nobody can connect before the mode is right: bind(2) makes the file with it. */
static int listen_bind(int fd, const char *fresh, mode_t mask)
{
    struct sockaddr_un address;
    int folder = control_address(fresh, &address);
    mode_t saved;
    int result;

    if (folder < 0)
        return -1;
    listen_name_remove(fresh, NULL);
    saved = umask(mask);
    result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(saved); /* it never fails */
    descriptor_close(folder);
    return result;
}

int listen_local(const char *path, const struct listen_options *options, struct listen_name *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const char *slash = strrchr(path, '/');
    char fresh[PATH_MAX + 16];

    snprintf(fresh, sizeof(fresh), "%.*s.nsgate-%d", slash ? (int)(slash - path) + 1 : 0, path,
             (int)getpid());
    if (fd >= 0 && (listen_bind(fd, fresh, options->mask) < 0 || listen(fd, options->backlog) < 0 ||
                    listen_take_name(fresh, path, name) < 0))
        fd = descriptor_close(fd);
    listen_name_remove(fresh, NULL);
    return fd;
}
