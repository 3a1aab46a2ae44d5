/* SPDX-License-Identifier: MIT */
/* How workers and the resolver confine themselves, as the main file's `sandbox` names it. */
#ifndef BASE_SANDBOX_MODE_H
#define BASE_SANDBOX_MODE_H

enum sandbox_mode {
    SANDBOX_OFF,
    SANDBOX_LOG, /* what would be refused is logged, and done */
    SANDBOX_ON
};

/* "off", "log", "on"; constant */
static inline const char *sandbox_mode_name(enum sandbox_mode mode)
{
    return mode == SANDBOX_ON ? "on" : mode == SANDBOX_LOG ? "log" : "off";
}

#endif
