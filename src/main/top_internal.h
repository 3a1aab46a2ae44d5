/* SPDX-License-Identifier: MIT */
/* -s top: what the gateway does now, again and again. */
#ifndef MAIN_TOP_INTERNAL_H
#define MAIN_TOP_INTERNAL_H

#include "command_internal.h"

/* In a terminal until a key or a signal ends it, or the gateway is gone; else once, as a table.
 * Returns the process's exit status. */
int top_run(const struct command *command);

#endif
