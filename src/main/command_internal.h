/* SPDX-License-Identifier: MIT */
/* What -s asks of the running nsgate, and how the answer is shown. */
#ifndef MAIN_COMMAND_INTERNAL_H
#define MAIN_COMMAND_INTERNAL_H

#include <stdbool.h>

/* -s NAME [--json | --check | --force] [--socket PATH] */
struct command {
    const char *name;
    const char *config; /* the main file's path */
    const char *socket; /* the control socket's; NULL: what config leads to */
    bool json;
    bool check;
    bool force;
};

/* Returns the process's exit status. */
int command_run(const struct command *command);

#endif
