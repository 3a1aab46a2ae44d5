/* SPDX-License-Identifier: MIT */
/* Putting a tenant's plan in force, and taking it out: its sockets, then its workers. */
#ifndef RELOAD_APPLY_INTERNAL_H
#define RELOAD_APPLY_INTERNAL_H

#include "reload/reload.h"

/* Whether an examined plan says what is in force already. */
bool apply_changes_nothing(const struct record *record, const struct plan *plan);

/* Takes over the plan, whose bundle the resolver has examined: sockets of addresses that stay are
 * kept, the others closed or bound, and the tenant's workers told. */
enum applied apply_plan(struct reload *reload, struct record *record, struct plan *plan);

/* The two halves of apply_plan, for several tenants that exchange what they have: each gives up
 * what the plan does not keep; then each takes what it wants. */
void apply_release(struct reload *reload, struct record *record, const struct plan *plan);
enum applied apply_take(struct reload *reload, struct record *record, struct plan *plan);

/* The plan, whose bundle may be a raw one, says what is in force already: only what its files are
 * and where their lines stand is taken over. Frees the rest. */
void apply_unchanged(struct reload *reload, struct record *record, struct plan *plan);

/* What is in force turns out to be unusable: nothing is in force then. `kept` still wants what it
 * names; NULL: nothing does. */
void apply_withdrawal(struct reload *reload, struct record *record, const struct plan *kept);

/* The tenant goes: its listeners, its workers' part and the record. */
void apply_removal(struct reload *reload, struct record *record);

#endif
