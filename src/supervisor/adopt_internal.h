/* SPDX-License-Identifier: MIT */
/* Putting a tenant in force, and taking it out. */
#ifndef SUPERVISOR_ADOPT_INTERNAL_H
#define SUPERVISOR_ADOPT_INTERNAL_H

#include "supervisor_internal.h"

enum adopted { ADOPTED_NEW, ADOPTED_CHANGED, ADOPTED_UNCHANGED };

/* Takes over the plan, whose bundle the resolver has examined: sockets of addresses that stay are
 * kept, the others closed or bound, and the tenant's workers told. */
enum adopted adopt_plan(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* The plan, whose bundle may be a raw one, says what is in force already: only what its files are
 * and where their lines stand is taken over. Frees the rest. */
void adopt_unchanged(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* What is in force turns out to be unusable: nothing is in force then, until its file is read
 * again. */
void adopt_refusal(struct supervisor *supervisor, struct record *record, const char *why);

/* The tenant goes: its listeners, its workers' part and the record. */
void adopt_removal(struct supervisor *supervisor, struct record *record);

#endif
