/* SPDX-License-Identifier: MIT */
/* Our own program, started once more as a child in a role of its own. */
#ifndef IPC_SPAWN_H
#define IPC_SPAWN_H

#include <sys/types.h>

/* How the child finds its role: argv of the re-executed binary, its channel, and for some roles a
 * second descriptor. */
#define SPAWN_ROLE_ARGUMENT "--role"
#define SPAWN_CHANNEL_FD    3
#define SPAWN_SECOND_FD     4

struct spawn {
    const char *program; /* what is executed: "/proc/self/exe" but in tests */
    const char *role;    /* "worker" */
    int channel;         /* the child's end; stays the caller's */
    int second;          /* the same; -1: none */
    void (*on_failure)(
        int error); /* in the child, when it cannot execute (errno); NULL: is logged */
};

/* The child ignores what is the supervisor's to answer (cage_ignore_signals), inherits no other
 * descriptor, and nothing that the service manager has told us alone. What fails there is logged.
 * Returns its pid, or -1 with errno. */
pid_t spawn_role(const struct spawn *spawn);

#endif
