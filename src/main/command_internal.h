/* SPDX-License-Identifier: MIT */
/* What -s asks of the running nsgate, and how the answer is shown. */
#ifndef MAIN_COMMAND_INTERNAL_H
#define MAIN_COMMAND_INTERNAL_H

#include <stdbool.h>

struct command {
    const char *config; /* the main file */
    const char *name;   /* of -s */
    bool json;
    bool force;
};

/* -s NAME [--json | --force]. Returns the process's exit status. */
int command_run(const struct command *command);

#endif
