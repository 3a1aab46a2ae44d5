/* SPDX-License-Identifier: MIT */
/* The system calls that a process may make from now on (seccomp), and the files that it may open
 * (Landlock). */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/sandbox_mode.h"

#include <stdint.h>

/* Builds with sanitizers have no sandbox: these open files and start processes, above all to
 * report. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_IS_BUILT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_IS_BUILT 0
#endif
#endif
#ifndef SANDBOX_IS_BUILT
#define SANDBOX_IS_BUILT 1
#endif

/* Bits: one system call may be of several roles. */
enum sandbox_role { SANDBOX_WORKER = 1 << 0, SANDBOX_RESOLVER = 1 << 1, SANDBOX_OBSERVER = 1 << 2 };

/* What is in force. */
struct sandbox_state {
    uint8_t mode;     /* enum sandbox_mode; OFF also where there is no seccomp, or no sandbox in the
                         build */
    uint8_t landlock; /* version of its interface; 0: the kernel has none, or the mode is not ON */
};

/* For the rest of the process's life: it makes no system call but those of its role's list
 * (sandbox/rules.c). ON: any other one is logged with its name, and ends the process by SIGSYS; a
 * worker and the observer open no file at all, the resolver those that name resolution needs. LOG:
 * it is logged, each name once a second at most, and done all the same; this lets intruders pass as
 * well. What the process needs of files must be open or loaded by now. Call it once, with
 * no_new_privs set and one thread.
 *
 * Returns 0, with what is in force in *state: a kernel, or a container around us, that has no
 * seccomp or no Landlock is no failure. Otherwise -1 with the step that failed in *why (constant)
 * and errno; the process must not go on then. */
int sandbox_enter(enum sandbox_role role, enum sandbox_mode mode, struct sandbox_state *state,
                  const char **why);

#endif
