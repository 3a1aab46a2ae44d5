/* SPDX-License-Identifier: MIT */
/* The upgrade: the binary that stands in our place by now is tried as a child, and then executed in
 * this very process, which keeps its pid, its sockets and its workers. */
#ifndef SUPERVISOR_UPGRADE_INTERNAL_H
#define SUPERVISOR_UPGRADE_INTERNAL_H

#include "candidate_internal.h"

#include "ipc/wire.h"

#include <signal.h>
#include <sys/stat.h>

struct supervisor;

enum upgrade_state {
    UPGRADE_NONE,
    UPGRADE_WANTED, /* waits for a moment at which nothing is under way */
    UPGRADE_TRYING, /* the candidate runs */
    UPGRADE_DUE,    /* it was ready: waits for such a moment again */
    UPGRADE_HELD    /* it is there, and signals wait: those of before are seen to in this turn */
};

/* Embedded by the supervisor. */
struct upgrade {
    enum upgrade_state state;
    char *binary; /* where we were executed from; NULL: not known */
    struct candidate candidate;
    struct stat tried;    /* the binary that is, or was, the candidate */
    uint64_t tried_round; /* the last one that its state knows of */
    struct wire_writer tried_settings;
    unsigned tries;   /* of this upgrade */
    sigset_t mask;    /* HELD: of before */
    uint32_t count;   /* of those that this process has seen */
    double since;     /* loop_now(): it is DUE */
    bool is_arriving; /* one has brought us here, and is not yet done */
    bool has_told;    /* that it waits */
    ev_timer tick;    /* WANTED, DUE, HELD: looks again */
};

void upgrade_init(struct supervisor *supervisor);
void upgrade_free(struct supervisor *supervisor);

/* USR2. Returns no later than anything else; what became of it is in the log. A second one while
 * one is under way is the same. */
void upgrade_begin(struct supervisor *supervisor);

/* SIGCHLD came. */
void upgrade_on_child(struct supervisor *supervisor);

/* Whether rounds must wait: the next binary begins one anyway. */
bool upgrade_is_due(const struct supervisor *supervisor);

/* The supervisor ends: there is none. */
void upgrade_abandon(struct supervisor *supervisor);

/* resume.c: what supervisor_resume does, with the program that children execute. */
int resume_main(const char *config, int state, const char *program);

#endif
