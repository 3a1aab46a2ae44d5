/* SPDX-License-Identifier: MIT */
/* Fork and exec of our own program. */
#include "ipc/spawn.h"

#include "base/log.h"
#include "base/signal_hold.h"
#include "ipc/cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int spawn_place(int fd, int place)
{
    return fd == place ? fcntl(fd, F_SETFD, 0) : dup2(fd, place);
}

/* What went wrong, and nobody else could tell; the log is open until execve(2). */
static void spawn_end(const struct spawn *spawn, const char *what, int status)
    __attribute__((noreturn));

static void spawn_end(const struct spawn *spawn, const char *what, int status)
{
    log_error("cannot start the %s: %s: %s", spawn->role, what, strerror(errno));
    _exit(status);
}

/* For a kernel or a seccomp filter that has no close_range(2). */
static int spawn_close_one_by_one(int last)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (!folder)
        return -1;
    while ((entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (fd > last)
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    closedir(folder);
    return 0;
}

/* Takes no more descriptors than there are, since all may be in use. */
static void spawn_keep_descriptors(const struct spawn *spawn)
{
    int second = spawn->second;
    int last = second < 0 ? SPAWN_CHANNEL_FD : SPAWN_SECOND_FD;

    if (second == SPAWN_CHANNEL_FD) /* out of the way */
        second = fcntl(second, F_DUPFD, SPAWN_SECOND_FD);
    if (spawn_place(spawn->channel, SPAWN_CHANNEL_FD) < 0)
        spawn_end(spawn, "cannot place its channel", 126);
    if (spawn->second >= 0 && spawn_place(second, SPAWN_SECOND_FD) < 0)
        spawn_end(spawn, "cannot place its second descriptor", 126);
    if (spawn->channel > last) /* makes room for what may be opened here */
        close(spawn->channel);
    if (close_range((unsigned)last + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0 &&
        spawn_close_one_by_one(last) < 0)
        spawn_end(spawn, "cannot close what is not its own", 126);
}

/* In the new process, between fork(2) and execve(2). */
static void spawn_become(const void *argument)
{
    const struct spawn *spawn = argument;
    char *const arguments[] = {(char *)"nsgate", (char *)SPAWN_ROLE_ARGUMENT, (char *)spawn->role,
                               NULL};

    /* sd_notify(3): what is the supervisor's alone. */
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    cage_ignore_signals();
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal_release_all();
    spawn_keep_descriptors(spawn);
    execv(spawn->program, arguments);
    if (!spawn->on_failure)
        spawn_end(spawn, spawn->program, 127);
    spawn->on_failure(errno);
    _exit(127);
}

pid_t spawn_role(const struct spawn *spawn)
{
    return signal_hold_fork(spawn_become, spawn);
}
