/* SPDX-License-Identifier: MIT */
/* How a child gives up what it does not need: identity, groups, capabilities, and the ways back. */
#ifndef IPC_CAGE_H
#define IPC_CAGE_H

#include "base/slice.h"

/* For the rest of the process's life: user and group (looked up first; empty group: the user's
 * own, with its supplementary groups), no capabilities, an empty bounding set, no_new_privs, not
 * dumpable. An empty user keeps the identity, for a supervisor that is not root; everything else
 * still holds as far as the kernel lets an ordinary process do it. Call it while the process has
 * one thread. Returns 0, or -1 with the step that failed in *why (constant) and errno; the process
 * must not go on then. */
int cage_enter(struct slice user, struct slice group, const char **why);

#endif
