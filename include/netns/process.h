/* SPDX-License-Identifier: MIT */
/* A process whose network namespace is wanted, told apart from a later one of the same number. */
#ifndef NETNS_PROCESS_H
#define NETNS_PROCESS_H

#include "netns/netns.h"

#include <stdint.h>

/* Embedded by its owner. */
struct netns_process {
    pid_t pid;        /* 0: none */
    int fd;           /* of pidfd_open(2), readable when it has ended; -1: none is held */
    uint64_t started; /* proc_pid_stat(5), starttime; tells it apart when there is no fd */
};

/* Finds the process that has the number now. may_hold: whether it may cost a descriptor; without
 * one the process is followed by asking netns_process_lives again and again. Returns 0, or -1
 * when there is none (or only a thread has the number); process->pid is 0 then. */
int netns_process_find(struct netns_process *process, pid_t pid, bool may_hold);

/* Lets go of it; harmless when there is none. */
void netns_process_release(struct netns_process *process);

/* Whether it has not ended. */
bool netns_process_lives(const struct netns_process *process);

/* What /proc/PID/ns/net leads to now: netns_look. */
int netns_process_look(const struct netns_process *process, struct netns_id *id);

/* As netns_open with /proc/PID/ns/net, and sure that it was this process's: it still lived when
 * that had been opened. The namespace may also be owned by the process's user namespace. */
enum netns_verdict netns_process_open(const struct netns_home *home,
                                      const struct netns_process *process, int *fd,
                                      struct netns_id *id, char why[160]);

#endif
