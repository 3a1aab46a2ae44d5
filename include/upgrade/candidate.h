/* SPDX-License-Identifier: MIT */
/* Trying the binary of an upgrade: a child that is shown a copy of the state, and says whether it
 * could go on from there. It may be any version, or no nsgate at all. */
#ifndef UPGRADE_CANDIDATE_H
#define UPGRADE_CANDIDATE_H

#include "io/deadline.h"

#include <sys/types.h>

/* What a candidate writes to the socket before it exits with status 0; anything else is its reason
 * why not. These and SPAWN_SECOND_FD are all that two versions must agree about. */
#define CANDIDATE_READY "ready"
#define CANDIDATE_TEXT  512 /* bytes of an answer that are looked at */

/* Embedded by its owner. */
struct candidate {
    struct loop *loop;
    pid_t pid; /* 0: none runs */
    int answer;
    char text[CANDIDATE_TEXT]; /* as far as it has come */
    size_t len;
    bool is_overdue;
    double limit; /* seconds */
    ev_io readable;
    struct deadline overdue;
    /* It has ended. why: NULL when it was ready, else the reason, which ends with the call. */
    void (*on_verdict)(void *owner, const char *why);
    void *owner;
};

void candidate_init(struct candidate *candidate, struct loop *loop,
                    void (*on_verdict)(void *owner, const char *why), void *owner);

/* Starts the program with the state, a sealed memfd that stays the caller's, and gives it `limit`
 * seconds. Returns 0, and on_verdict follows; or -1 with errno. */
int candidate_start(struct candidate *candidate, const char *program, int state, double limit);

/* SIGCHLD came: has it ended? */
void candidate_reap(struct candidate *candidate);

/* Kills it without a verdict. */
void candidate_free(struct candidate *candidate);

#endif
