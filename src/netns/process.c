/* SPDX-License-Identifier: MIT */
/* Following a process by its descriptor, or by its number and start time. */
#include "netns/process.h"

#include "netns_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCESS_PATH      64
#define PROCESS_STAT      1024 /* bytes: the fields up to the start time, and more */
#define PROCESS_STARTTIME 20   /* fields from the one behind the name, "state", to "starttime" */

static void process_path(pid_t pid, const char *file, char path[PROCESS_PATH])
{
    snprintf(path, PROCESS_PATH, "/proc/%d/%s", (int)pid, file);
}

static ssize_t process_read(pid_t pid, char *text, size_t size)
{
    char path[PROCESS_PATH];
    ssize_t len;
    int fd;

    process_path(pid, "stat", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    len = read(fd, text, size - 1);
    close(fd);
    if (len >= 0)
        text[len] = '\0';
    return len;
}

/* proc_pid_stat(5): the name is the process's own choice, so that only the last parenthesis ends
 * it; a process that has ended but was not waited for is in state Z. */
static int process_started(pid_t pid, uint64_t *started)
{
    char text[PROCESS_STAT];
    char *at;

    if (process_read(pid, text, sizeof(text)) <= 0 || !(at = strrchr(text, ')')))
        return -1;
    if (at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
        return -1;
    for (int field = 0; field < PROCESS_STARTTIME; field++) {
        at = strchr(at + 1, ' ');
        if (!at)
            return -1;
    }
    *started = strtoull(at + 1, NULL, 10);
    return 0;
}

int netns_process_find(struct netns_process *process, pid_t pid, bool may_hold)
{
    /* Refuses the number of a mere thread, which /proc does not tell from a process's. */
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    *process = (struct netns_process){.fd = -1};
    if (fd < 0 && errno != EMFILE && errno != ENFILE) /* it can be followed without */
        return -1;
    process->pid = pid;
    process->fd = fd;
    if (process_started(pid, &process->started) < 0 || !netns_process_lives(process)) {
        netns_process_release(process);
        return -1;
    }
    if (fd >= 0 && !may_hold) {
        close(fd);
        process->fd = -1;
    }
    return 0;
}

void netns_process_release(struct netns_process *process)
{
    if (process->pid > 0 && process->fd >= 0)
        close(process->fd);
    *process = (struct netns_process){.fd = -1};
}

bool netns_process_lives(const struct netns_process *process)
{
    struct pollfd end = {.fd = process->fd, .events = POLLIN};
    uint64_t started;

    if (process->pid == 0)
        return false;
    if (process->fd >= 0)
        return poll(&end, 1, 0) == 0;
    return process_started(process->pid, &started) == 0 && started == process->started;
}

int netns_process_look(const struct netns_process *process, struct netns_id *id)
{
    char path[PROCESS_PATH];

    process_path(process->pid, "ns/net", path);
    return netns_look(path, id);
}

enum netns_verdict netns_process_open(const struct netns_home *home,
                                      const struct netns_process *process, int *fd,
                                      struct netns_id *id, char why[NETNS_WHY])
{
    struct netns_target target = {0};
    enum netns_verdict verdict;
    char path[PROCESS_PATH];

    process_path(process->pid, "ns/user", path);
    (void)netns_look(path, &target.user);
    process_path(process->pid, "ns/net", path);
    target.path = path;
    verdict = netns_open_target(home, &target, fd, id, why);
    if (verdict != NETNS_OPEN_OK || netns_process_lives(process))
        return verdict;
    close(*fd);
    *fd = -1;
    snprintf(why, NETNS_WHY, "does not exist");
    return NETNS_OPEN_ABSENT;
}
