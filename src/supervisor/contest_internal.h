/* SPDX-License-Identifier: MIT */
/* Tenants that want, in one round, what others have: addresses that are exchanged, taken over,
 * moved in a circle. Who does not change, or is refused, keeps what it has; then all others release
 * theirs; then all take. */
#ifndef SUPERVISOR_CONTEST_INTERNAL_H
#define SUPERVISOR_CONTEST_INTERNAL_H

#include "record_internal.h"

struct supervisor;

/* An accepted plan that waits until all others are decided. */
struct contender {
    TAILQ_ENTRY(contender) next;
    struct record *record;
    struct plan plan;
};

TAILQ_HEAD(contenders, contender);

/* Addresses of the host's namespace that nobody has are the plan's from now on, unless it is
 * refused: before it is examined, and again before it is put in force. */
void contest_reserve(struct supervisor *supervisor, struct record *record, const struct plan *plan);

enum contest {
    CONTEST_FREE, /* it can be put in force now */
    CONTEST_OPEN, /* another tenant has what it wants, and may yet give that up */
    CONTEST_LOST  /* another tenant has it and keeps it; that has been told */
};

/* What becomes of an accepted plan. */
enum contest contest_judge(struct supervisor *supervisor, struct record *record,
                           const struct plan *plan);

/* Keeps the plan, which is taken over, until contest_settle. */
void contest_enter(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* Nobody is undecided any more but those who wait: they are put in force, or refused. */
void contest_settle(struct supervisor *supervisor);

/* The round does not go on. */
void contest_abandon(struct supervisor *supervisor);

#endif
