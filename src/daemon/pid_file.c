/* SPDX-License-Identifier: MIT */
/* Locks, numbers and names of pid files. */
#include "daemon/pid_file.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_TRIES 10

/* The number in the file, or -1. */
static pid_t pid_file_read(int fd)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof(text), 0);
    uint64_t pid;

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len <= 0 || slice_to_u64((struct slice){text, (size_t)len}, INT32_MAX, &pid) < 0 || pid < 1)
        return -1;
    return (pid_t)pid;
}

/* A lock on the whole file. It belongs to the open file, so that it goes with the process; and
 * only who may write the file can take F_WRLCK (fcntl(2)). */
static struct flock pid_file_range(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

/* An ending nsgate may have removed the file between our open(2) and the lock. */
static bool pid_file_is_current(int fd, const char *path)
{
    struct stat ours;
    struct stat now;

    return fstat(fd, &ours) == 0 && stat(path, &now) == 0 && ours.st_dev == now.st_dev &&
           ours.st_ino == now.st_ino;
}

static const char *pid_file_reason(int error)
{
    return error == ELOOP ? "it is a symbolic link, which is not followed" : error_reason(error);
}

/* Returns a descriptor of a regular file, or -1 with errno. */
static int pid_file_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat status;

    if (fd < 0)
        return -1;
    errno = EINVAL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    return descriptor_close(fd);
}

/* A number alone proves nothing: its process may have died and the number gone to another. The
 * lock goes with the process, so that a stale file is no obstacle. Nobody else may even read the
 * file: a read lock would keep us from ours. Returns -1 with errno. */
static int pid_file_lock(const char *path)
{
    struct flock range = pid_file_range(F_WRLCK);

    for (int i = 0; i < PID_TRIES; i++) {
        int fd = pid_file_open(path, O_RDWR | O_CREAT);

        if (fd < 0)
            return -1;
        if (fchmod(fd, 0600) < 0 || fcntl(fd, F_OFD_SETLK, &range) < 0) {
            return descriptor_close(fd);
        }
        if (pid_file_is_current(fd, path))
            return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

int pid_file_take(struct pid_file *pid, const char *path, char *text, size_t size)
{
    char number[32];
    int len = snprintf(number, sizeof(number), "%d\n", (int)getpid());
    int fd = pid_file_lock(path);

    if (fd < 0 && errno == EAGAIN) {
        snprintf(text, size, "pid file %s belongs to an nsgate that runs", path);
        return -1;
    }
    if (fd < 0) {
        snprintf(text, size, "cannot open pid file %s: %s", path, pid_file_reason(errno));
        return -1;
    }
    if (ftruncate(fd, 0) < 0 || pwrite(fd, number, (size_t)len, 0) != len) {
        snprintf(text, size, "cannot write pid file %s: %s", path, error_reason(errno));
        return descriptor_close(fd);
    }
    pid->path = memory_text(path);
    pid->fd = fd;
    return 0;
}

int pid_file_try(const char *path, char *text, size_t size)
{
    int fd = pid_file_open(path, O_RDWR);
    const char *slash = strrchr(path, '/');
    char *folder;
    int result;

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    result = -1;
    if (errno == ENOENT) {
        folder = memory_slice_text((struct slice){path, slash ? (size_t)(slash - path) + 1 : 0});
        result = faccessat(AT_FDCWD, *folder ? folder : ".", W_OK | X_OK, AT_EACCESS);
        free(folder);
    }
    if (result < 0)
        snprintf(text, size, "cannot open pid file %s: %s", path, pid_file_reason(errno));
    return result;
}

void pid_file_release(struct pid_file *pid)
{
    if (!pid->path)
        return;
    if (pid_file_is_current(pid->fd, pid->path))
        unlink(pid->path);
    close(pid->fd);
    free(pid->path);
    *pid = (struct pid_file){0};
}

pid_t pid_file_holder(const char *path, const char **why)
{
    int fd = pid_file_open(path, O_RDONLY);
    struct flock range = pid_file_range(F_RDLCK);
    pid_t pid = -1;

    if (fd < 0) {
        *why = errno == ENOENT ? "there is no pid file: nsgate is not running"
                               : pid_file_reason(errno);
        return -1;
    }
    /* Only asked, not taken: an nsgate that starts now must find it free. */
    if (fcntl(fd, F_OFD_GETLK, &range) < 0) {
        *why = strerror(errno);
    } else if (range.l_type == F_UNLCK) {
        *why = "nobody holds the pid file: nsgate is not running";
    } else {
        pid = pid_file_read(fd);
        *why = pid < 0 ? "there is no pid in it" : NULL;
    }
    close(fd);
    return pid;
}
