/* SPDX-License-Identifier: MIT */
/* Listeners that workers have no room for: they are degraded, and offered again as what could not
 * be bound is tried again. */
#ifndef SUPERVISOR_LACKING_INTERNAL_H
#define SUPERVISOR_LACKING_INTERNAL_H

#include "base/slice.h"

struct child;
struct record;

/* The worker says that it cannot take the tenant's listener at that address. */
void lacking_note(const struct child *worker, const struct record *record, struct slice address,
                  int error);

/* It has taken it. */
void lacking_on_taken(const struct child *worker, const struct record *record,
                      struct slice address);

#endif
