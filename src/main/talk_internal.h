/* SPDX-License-Identifier: MIT */
/* A conversation with the running nsgate over its control socket. */
#ifndef MAIN_TALK_INTERNAL_H
#define MAIN_TALK_INTERNAL_H

#include "command_internal.h"
#include "control/answer.h"

#include <stdbool.h>
#include <stdio.h>

#define TALK_LIMIT 10 /* seconds for an answer that needs no work */

/* Embedded by its owner. */
struct talk {
    FILE *stream;
    unsigned long upgrades; /* that the other end had behind it when it greeted */
    char *line;
    size_t capacity;
};

/* Greets and asks; after TALK_LIMIT without an answer the other end counts as gone. Returns 0, or
 * -1 with a reason on stderr; close it in both cases. */
int talk_open(struct talk *talk, const struct command *command, const char *request);
void talk_close(struct talk *talk);

/* Waits for each line as long as it takes from now on. */
void talk_be_patient(const struct talk *talk);

/* The next line, which lives until the one after it. Returns 0, or -1 at the end or when nothing
 * has come in time. */
int talk_read(struct talk *talk, struct answer *answer);

/* Shows what goes to standard error. Whether it was the last line: then with the exit status. */
bool answer_ends(const struct answer *answer, int *status);

#endif
