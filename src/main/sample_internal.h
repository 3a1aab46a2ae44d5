/* SPDX-License-Identifier: MIT */
/* One look at the running gateway, for those who must not wait for it: -s status --json, read as it
 * comes. */
#ifndef MAIN_SAMPLE_INTERNAL_H
#define MAIN_SAMPLE_INTERNAL_H

#include "command_internal.h"
#include "control/answer.h"

#include <stddef.h>

/* Embedded by its owner. */
struct sample {
    int fd; /* to be polled for reading; -1: nothing is asked */
    char *bytes;
    size_t len;
    size_t capacity;
    struct answer_status whole;
};

void sample_init(struct sample *sample);
/* Forgets what was asked, if anything was. */
void sample_end(struct sample *sample);

/* Returns 0, or -1; why there is no connection is told on stderr. */
int sample_ask(struct sample *sample, const struct command *command);

/* To be called when there is something to read. Returns 1: more must come; 0: *gateway is the
 * status, the caller's; -1: the gateway went away or refuses. The last two are the sample's end. */
int sample_read(struct sample *sample, json_t **gateway);

#endif
