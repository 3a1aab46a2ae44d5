/* SPDX-License-Identifier: MIT */
/* The pid file: who holds its lock is the running supervisor, whatever number stands in it. */
#include "supervisor_internal.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
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

/* An ending nsgate may have removed the file between our open(2) and flock(2). */
static bool pid_file_is_current(int fd, const char *path)
{
    struct stat ours;
    struct stat now;

    return fstat(fd, &ours) == 0 && stat(path, &now) == 0 && ours.st_dev == now.st_dev &&
           ours.st_ino == now.st_ino;
}

/* A number alone proves nothing: its process may have died and the number gone to another. The
 * lock goes with the process, so that a stale file is no obstacle. Returns -1 with errno. */
static int pid_file_lock(const char *path)
{
    for (int i = 0; i < PID_TRIES; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        int saved;

        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            saved = errno;
            close(fd);
            errno = saved;
            return -1;
        }
        if (pid_file_is_current(fd, path))
            return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

int pid_file_take(struct pid_file *pid, const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int fd = pid_file_lock(path);

    if (fd < 0 && errno == EWOULDBLOCK) {
        log_error("pid file %s belongs to an nsgate that runs", path);
        return -1;
    }
    if (fd < 0) {
        log_error("cannot open pid file %s: %s", path, strerror(errno));
        return -1;
    }
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        log_error("cannot write pid file %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    pid->path = memory_text(path);
    pid->fd = fd;
    return 0;
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
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    pid_t pid = -1;

    if (fd < 0) {
        *why = errno == ENOENT ? "there is no pid file: nsgate is not running" : strerror(errno);
        return -1;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        *why = "nobody holds the pid file: nsgate is not running";
    } else {
        pid = pid_file_read(fd);
        *why = pid < 0 ? "there is no pid in it" : NULL;
    }
    close(fd);
    return pid;
}
