/* SPDX-License-Identifier: MIT */
/* Putting a tenant in force, and taking it out. */
#ifndef SUPERVISOR_ADOPT_INTERNAL_H
#define SUPERVISOR_ADOPT_INTERNAL_H

#include "supervisor_internal.h"

/* Takes over the plan, whose bundle the resolver has examined: sockets of addresses that stay are
 * kept, the others closed or bound, and the tenant's workers told. */
enum adopted adopt_plan(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* The two halves of adopt_plan, for several tenants that exchange what they have: each gives up
 * what the plan does not keep; then each takes what it wants. */
void adopt_release(struct supervisor *supervisor, struct record *record, struct plan *plan);
enum adopted adopt_take(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* Whether an examined plan says what is in force already. */
bool adopt_changes_nothing(const struct record *record, const struct plan *plan);

/* The plan, whose bundle may be a raw one, says what is in force already: only what its files are
 * and where their lines stand is taken over. Frees the rest. */
void adopt_unchanged(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* What is in force turns out to be unusable: nothing is in force then, until its file is read
 * again, by a reload or after a pause. */
void adopt_refusal(struct supervisor *supervisor, struct record *record, const char *why);

/* The tenant goes: its listeners, its workers' part and the record. */
void adopt_removal(struct supervisor *supervisor, struct record *record);

#endif
