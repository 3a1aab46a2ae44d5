/* SPDX-License-Identifier: MIT */
/* Which tenant has which address of the host's own namespace: the first to claim it keeps it. */
#ifndef SUPERVISOR_CLAIMS_INTERNAL_H
#define SUPERVISOR_CLAIMS_INTERNAL_H

#include "record_internal.h"

/* Who has it; NULL: nobody. */
struct record *claims_owner(const struct registry *registry, struct slice address);

/* For a free address, or one that the record has already. */
void claims_take(struct registry *registry, struct slice address, struct record *record);

/* Gives up what the record has and `kept` does not name; NULL: everything. `given` are the
 * listeners that may have claims. */
void claims_release(struct registry *registry, struct record *record, const struct plan *given,
                    const struct plan *kept);

#endif
