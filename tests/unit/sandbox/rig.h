/* SPDX-License-Identifier: MIT */
/* A child that enters the sandbox and then does one thing. */
#ifndef UNIT_SANDBOX_RIG_H
#define UNIT_SANDBOX_RIG_H

#include "sandbox/sandbox.h"

#include <stdbool.h>

#define RIG_TEXT 4096

/* What has become of it. */
struct rig_end {
    int status;                 /* of waitpid(2) */
    char log[RIG_TEXT];         /* what it has logged */
    struct sandbox_state state; /* what it was told */
};

/* act's result is the exit status. */
struct rig_end rig_run(enum sandbox_role role, enum sandbox_mode mode, int (*act)(void));

/* Whether it ended by SIGSYS, and its log names the call. */
bool rig_was_refused(const struct rig_end *end, const char *call);
/* Whether act was done, with 0 as its result. */
bool rig_was_done(const struct rig_end *end);

#endif
