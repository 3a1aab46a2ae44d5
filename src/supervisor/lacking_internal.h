/* SPDX-License-Identifier: MIT */
/* Listeners that workers have no room for: they are degraded, and offered again, ever more rarely.
 */
#ifndef SUPERVISOR_LACKING_INTERNAL_H
#define SUPERVISOR_LACKING_INTERNAL_H

#include "base/slice.h"

#include <stdbool.h>

struct child;
struct record;
struct supervisor;

/* The worker says that it cannot take the tenant's listener at that address. */
void lacking_note(const struct child *worker, const struct record *record, struct slice address,
                  int error);

/* It has taken it. */
void lacking_on_taken(const struct child *worker, const struct record *record,
                      struct slice address);

/* What workers lack may be sent to those whose pause is over. Returns whether any lacks anything.
 */
bool lacking_offer(struct supervisor *supervisor);

#endif
