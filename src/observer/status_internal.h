/* SPDX-License-Identifier: MIT */
/* The gateway's status as the supervisor tells it: asked for when somebody wants it, and kept for a
 * moment, so that many who ask at once cost the supervisor one question. */
#ifndef OBSERVER_STATUS_INTERNAL_H
#define OBSERVER_STATUS_INTERNAL_H

#include "text_internal.h"

#include "control/answer.h"
#include "io/deadline.h"
#include "io/stream.h"

#define STATUS_AGE   1.0 /* seconds for which an answer serves all who ask */
#define STATUS_LIMIT 5.0 /* seconds for an answer */

/* Embedded by its owner. */
struct status {
    struct loop *loop;
    void (*ask)(void *owner); /* says STATUS_ASK */
    void *owner;
    void (*on_done)(struct status *status); /* whoever waits looks again */
    struct text *json; /* the last answer; NULL: there is none, or it could not be had */
    char state[16];    /* of the gateway, in a word; empty without json */
    double told;       /* loop_now() of the last answer, or of its failure */
    bool is_asking;
    struct deadline limit;
    struct stream *stream; /* on which it comes; NULL: none yet */
    struct chain in;
    char *line; /* what has come of the present one */
    size_t len;
    size_t capacity;
    struct answer_status whole;
};

void status_init(struct status *status, struct loop *loop);
void status_free(struct status *status);

/* Whether what is there is fresh, be it that there is none; if not, on_done follows. */
bool status_is_there(struct status *status);

/* STATUS: the connection on which it comes, which is ours from now on; -1: there is none. */
void status_on_connection(struct status *status, int fd);

#endif
