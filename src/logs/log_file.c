/* SPDX-License-Identifier: MIT */
/* The supervisor's side of opening a log file: what it may open itself, and the child for the
 * rest. */
#include "logs/log_file.h"

#include "log_opener_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/memory.h"
#include "ipc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPEN_FLAGS (O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_TRIES 3 /* while somebody makes and removes the file */

/* ---- without a child ---- */

enum log_file_way {
    WAY_OPENED, /* *fd: -1 when it was only asked about */
    WAY_CHILD,  /* *fd is the file's O_PATH handle: somebody else owns it */
    WAY_FAILED
};

/* Whether a file could be made there: what access(2) says, with the rights that are in effect. */
static int log_file_may_make(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_slice_text((struct slice){path, (size_t)(slash - path) + 1})
                         : memory_text(".");
    int result = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS);

    free(folder);
    return result;
}

/* The handle stays the caller's. */
static enum log_file_way log_file_classify(int handle, int *fd, const char **why)
{
    struct stat status;
    char path[64];

    if (fstat(handle, &status) < 0) {
        *why = error_reason(errno);
        return WAY_FAILED;
    }
    if (S_ISLNK(status.st_mode)) {
        *why = "it is a symbolic link, which is not followed";
        return WAY_FAILED;
    }
    if (geteuid() == 0 && status.st_uid != 0) {
        *why = "it is somebody else's, and no regular file";
        return S_ISREG(status.st_mode) ? WAY_CHILD : WAY_FAILED;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    *fd = open(path, OPEN_FLAGS);
    if (*fd >= 0)
        return WAY_OPENED;
    *why = errno == ENXIO ? "nobody reads it" : error_reason(errno);
    return WAY_FAILED;
}

/* One try. errno is EEXIST when the file came between the two looks. */
static enum log_file_way log_file_try(const char *path, bool make, int *fd, const char **why)
{
    int handle = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    enum log_file_way way;
    int result;

    if (handle >= 0) {
        way = log_file_classify(handle, fd, why);
        if (way == WAY_CHILD)
            *fd = handle;
        else
            close(handle);
        errno = 0;
        return way;
    }
    *fd = -1;
    if (errno == ENOENT) {
        result = make ? (*fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL | O_NOFOLLOW, 0640))
                      : log_file_may_make(path);
        if (result >= 0)
            return WAY_OPENED;
    }
    *why = error_reason(errno);
    return WAY_FAILED;
}

static enum log_file_way log_file_find(const char *path, bool make, int *fd, const char **why)
{
    enum log_file_way way = WAY_FAILED;

    errno = EEXIST;
    for (int i = 0; i < OPEN_TRIES && way == WAY_FAILED && errno == EEXIST; i++)
        way = log_file_try(path, make, fd, why);
    return way;
}

/* ---- the child ---- */

/* In the new process. */
static void log_file_on_failure(int error)
{
    log_opener_answer(SPAWN_CHANNEL_FD, error, -1);
}

/* Owns the handle from now on. Returns 0, or -1 with errno. */
static int log_file_start(struct log_file *file, int handle)
{
    struct spawn spawn = {.program = file->program,
                          .role = "opener",
                          .second = handle,
                          .on_failure = log_file_on_failure};
    int sockets[2];

    file->handle = handle;
    file->has_answered = false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -1;
    file->channel = sockets[0];
    spawn.channel = sockets[1];
    file->pid = spawn_role(&spawn);
    descriptor_close(sockets[1]);
    if (file->pid < 0) {
        file->pid = 0;
        return -1;
    }
    file->process = pidfd_open(file->pid, 0);
    return file->process < 0 ? -1 : 0;
}

/* Takes back what was started, as far as it got. */
static void log_file_stop(struct log_file *file)
{
    if (file->process >= 0) {
        pidfd_send_signal(file->process, SIGKILL, NULL, 0);
        waitpid(file->pid, NULL, WNOHANG);
        close(file->process);
    }
    descriptor_close(file->channel);
    descriptor_close(file->handle);
    file->pid = 0;
    file->process = file->channel = file->handle = -1;
}

/* It has ended. What it hands back must be what it was sent for, whoever may have interfered. */
static int log_file_take(struct log_file *file, const char **why)
{
    struct stat wanted;
    struct stat got;
    int fd = log_opener_take(file->channel);

    if (fd < 0) {
        *why = errno == EPROTO ? "the process that opens it has failed" : error_reason(errno);
        return -1;
    }
    if (fstat(file->handle, &wanted) == 0 && fstat(fd, &got) == 0 && wanted.st_dev == got.st_dev &&
        wanted.st_ino == got.st_ino && S_ISREG(got.st_mode) &&
        (fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND))
        return fd;
    close(fd);
    *why = "the process that opens it has opened something else";
    return -1;
}

/* ---- in the event loop ---- */

static void log_file_finish(struct log_file *file, int fd, const char *why)
{
    if (file->has_answered) {
        descriptor_close(fd);
        return;
    }
    file->has_answered = true;
    file->done(file, fd, why);
}

static void log_file_on_ended(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct log_file *file = watcher->data;
    const char *why = NULL;
    int fd = log_file_take(file, &why);

    (void)events;
    ev_io_stop(ev, &file->ended);
    deadline_stop(&file->limit);
    log_file_stop(file); /* another one may be begun from `done` */
    log_file_finish(file, fd, why);
}

/* What not even SIGKILL ends hangs in the kernel, in a file system that does not answer. */
static void log_file_on_limit(struct deadline *limit)
{
    struct log_file *file = CONTAINER_OF(limit, struct log_file, limit);

    pidfd_send_signal(file->process, SIGKILL, NULL, 0);
    log_file_finish(file, -1, "it took too long");
}

void log_file_begin(struct log_file *file, const char *path)
{
    const char *why = "the process that should have opened it last still hangs";
    enum log_file_way way = WAY_FAILED;
    int fd;

    if (file->pid == 0)
        way = log_file_find(path, true, &fd, &why);
    switch (way) {
    case WAY_OPENED:
        file->done(file, fd, NULL);
        break;
    case WAY_FAILED:
        file->done(file, -1, why);
        break;
    case WAY_CHILD:
        if (log_file_start(file, fd) < 0) {
            why = error_reason(errno);
            log_file_stop(file);
            file->done(file, -1, why);
            break;
        }
        ev_io_set(&file->ended, file->process, EV_READ);
        ev_io_start(file->loop->ev, &file->ended);
        deadline_set(&file->limit, LOG_FILE_LIMIT);
        break;
    }
}

bool log_file_is_busy(const struct log_file *file)
{
    return file->pid > 0 && !file->has_answered;
}

void log_file_init(struct log_file *file, struct loop *loop, const char *program,
                   log_file_done *done, void *owner)
{
    *file = (struct log_file){.loop = loop,
                              .program = program,
                              .done = done,
                              .owner = owner,
                              .handle = -1,
                              .process = -1,
                              .channel = -1};
    ev_io_init(&file->ended, log_file_on_ended, -1, EV_READ);
    deadline_init(&file->limit, loop, log_file_on_limit);
    file->ended.data = file;
}

void log_file_free(struct log_file *file)
{
    ev_io_stop(file->loop->ev, &file->ended);
    deadline_stop(&file->limit);
    log_file_stop(file);
}

/* ---- waiting ---- */

int log_file_open(const char *program, const char *path, bool make, int *fd, const char **why)
{
    struct log_file file = {.program = program, .handle = -1, .process = -1, .channel = -1};
    struct pollfd end = {.events = POLLIN};
    int handle;

    switch (log_file_find(path, make, fd, why)) {
    case WAY_OPENED:
        return 0;
    case WAY_FAILED:
        return -1;
    case WAY_CHILD:
        break;
    }
    handle = *fd;
    *fd = -1;
    if (log_file_start(&file, handle) < 0) {
        *why = error_reason(errno);
    } else {
        end.fd = file.process;
        *why = "it took too long";
        if (poll(&end, 1, (int)(LOG_FILE_LIMIT * 1000)) == 1)
            *fd = log_file_take(&file, why);
    }
    log_file_stop(&file);
    return *fd < 0 ? -1 : 0;
}
