/* SPDX-License-Identifier: MIT */
/* How a child gives up what it does not need: identity, groups, capabilities, and the ways back. */
#ifndef IPC_CAGE_H
#define IPC_CAGE_H

#include "base/sandbox_mode.h"
#include "base/slice.h"

#include <sys/types.h>

#define CAGE_GROUPS_MAX 64

/* Who a child becomes, in numbers: the supervisor looks names up once, so that no child loads what
 * the name service of its host needs. */
struct cage_identity {
    bool keep; /* stay who we are, for a supervisor that is not root; nothing else counts then */
    uid_t user;
    gid_t group;
    gid_t groups[CAGE_GROUPS_MAX]; /* supplementary: they open Unix sockets of backends */
    uint32_t group_count;
    uint8_t sandbox; /* enum sandbox_mode: how it confines itself besides (sandbox/sandbox.h) */
};

/* Looks a user up, with its supplementary groups as initgroups(3) has them. group: empty for the
 * user's own. Returns 0, or -1 with what was not found or failed in *why (constant) and errno. */
int cage_find(struct cage_identity *identity, struct slice user, struct slice group,
              const char **why);

/* For the rest of the process's life: that identity, no capabilities, an empty bounding set,
 * no_new_privs, not dumpable; with `keep`, as far as the kernel lets an ordinary process do it.
 * Call it while the process has one thread. Returns 0, or -1 with the step that failed in *why
 * (constant) and errno; the process must not go on then. */
int cage_enter(const struct cage_identity *identity, const char **why);

/* Ignores SIGPIPE, SIGXFSZ, and what is the supervisor's to answer: a terminal's ^C, which goes to
 * the whole group, and an operator's signal to all processes of that name. Lasts over execve(2),
 * and may be called between fork(2) and it. */
void cage_ignore_signals(void);

#endif
