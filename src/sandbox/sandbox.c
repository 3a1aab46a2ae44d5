/* SPDX-License-Identifier: MIT */
/* Entering the sandbox: files first, for that takes system calls which are refused afterwards. */
#include "sandbox_internal.h"

#include "base/log.h"

int sandbox_enter(enum sandbox_role role, enum sandbox_mode mode, struct sandbox_state *state,
                  const char **why)
{
    int result;

    *state = (struct sandbox_state){0};
    if (mode == SANDBOX_OFF || !SANDBOX_IS_BUILT)
        return 0;
    log_load_time();
    if (mode == SANDBOX_ON) {
        result = landlock_enter(role, why);
        if (result < 0)
            return -1;
        state->landlock = (uint8_t)result;
    }
    if (violation_prepare(mode) < 0) {
        *why = "sigaction";
        return -1;
    }
    result = filter_load(role, mode, why);
    if (result == 0)
        state->mode = (uint8_t)mode;
    return result < 0 ? -1 : 0;
}
