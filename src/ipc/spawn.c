/* SPDX-License-Identifier: MIT */
/* Fork and exec of our own program. */
#include "ipc/spawn.h"

#include "base/signal_hold.h"
#include "ipc/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int spawn_place(int fd, int place)
{
    return fd == place ? fcntl(fd, F_SETFD, 0) : dup2(fd, place);
}

/* Takes no more descriptors than there are, since all may be in use. */
static int spawn_keep_descriptors(const struct spawn *spawn)
{
    int second = spawn->second;
    int last = SPAWN_CHANNEL_FD;

    if (second == SPAWN_CHANNEL_FD) /* out of the way */
        second = fcntl(second, F_DUPFD, SPAWN_SECOND_FD);
    if (spawn_place(spawn->channel, SPAWN_CHANNEL_FD) < 0)
        return -1;
    if (spawn->second >= 0) {
        last = SPAWN_SECOND_FD;
        if (spawn_place(second, SPAWN_SECOND_FD) < 0)
            return -1;
    }
    return close_range((unsigned)last + 1, ~0u, 0);
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
    if (spawn_keep_descriptors(spawn) < 0)
        _exit(126);
    execv(spawn->program, arguments);
    if (spawn->on_failure)
        spawn->on_failure(errno);
    _exit(127);
}

pid_t spawn_role(const struct spawn *spawn)
{
    return signal_hold_fork(spawn_become, spawn);
}
