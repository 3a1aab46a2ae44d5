/* SPDX-License-Identifier: MIT */
/* Tenants that want, in one reload, what others have: addresses that are exchanged, taken over,
 * moved in a circle. Who does not change, or is refused, keeps what it has; then all others release
 * theirs; then all take. */
#ifndef RELOAD_CONFLICTS_INTERNAL_H
#define RELOAD_CONFLICTS_INTERNAL_H

#include "reload/reload.h"

/* An accepted plan that waits until all others are decided. */
struct contender {
    TAILQ_ENTRY(contender) next;
    struct record *record;
    struct plan plan;
};

/* Addresses of the host's namespace that nobody has are the plan's from now on, unless it is
 * refused: before it is examined, and again before it is put in force. */
void conflicts_reserve(struct reload *reload, struct record *record, const struct plan *plan);

enum conflict {
    CONFLICT_NONE, /* it can be put in force now */
    CONFLICT_OPEN, /* another tenant has what it wants, and may yet give that up */
    CONFLICT_LOST  /* another tenant has it and keeps it; that has been told */
};

/* What becomes of an accepted plan. */
enum conflict conflicts_judge(struct reload *reload, struct record *record,
                              const struct plan *plan);

/* Keeps the plan, which is taken over, until all others are decided. */
void conflicts_enter(struct reload *reload, struct record *record, struct plan *plan);

/* Nobody is undecided any more but those who wait: refuses the next of them that has lost, whose
 * record it returns; NULL: all others may have what they want. Who is refused keeps what it has,
 * which may refuse the next. */
struct record *conflicts_refuse_loser(struct reload *reload);

/* It is decided: what is left of its plan is freed. */
void conflicts_remove(struct reload *reload, struct contender *contender);

/* The reload does not go on. */
void conflicts_abandon(struct reload *reload);

#endif
