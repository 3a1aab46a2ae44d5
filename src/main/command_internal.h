/* SPDX-License-Identifier: MIT */
/* What -s asks of the running nsgate, and how the answer is shown. */
#ifndef MAIN_COMMAND_INTERNAL_H
#define MAIN_COMMAND_INTERNAL_H

#include <stdbool.h>

/* -s NAME [--json]. Returns the process's exit status. */
int command_run(const char *config, const char *name, bool json);

#endif
