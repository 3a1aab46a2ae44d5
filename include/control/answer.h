/* SPDX-License-Identifier: MIT */
/* What the control socket says, as a client reads it: lines cut into fields, and those of the
 * status as one JSON object. */
#ifndef CONTROL_ANSWER_H
#define CONTROL_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#define ANSWER_FIELDS_MAX 32 /* further ones would be of a later version */

/* One line of what is said there: see control/protocol.h. */
struct answer {
    char *fields[ANSWER_FIELDS_MAX]; /* the first is the line's kind */
    unsigned count;
};

/* Cuts a line, without its end, in place. */
void answer_cut(struct answer *answer, char *line);

/* Whether it is of that kind and has so many fields, its kind included. */
bool answer_is(const struct answer *answer, const char *kind, unsigned fields);

/* The status as it grows line by line. */
struct answer_status {
    json_t *gateway;
    json_t *tenants; /* becomes a part of it */
};

void answer_status_init(struct answer_status *status);
/* Takes what a line says; those of other kinds say nothing. Field texts are changed. */
void answer_status_take(struct answer_status *status, const struct answer *answer);
/* The whole, which is the caller's; NULL: no line was the gateway's. */
json_t *answer_status_end(struct answer_status *status);

#endif
