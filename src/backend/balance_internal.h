/* SPDX-License-Identifier: MIT */
/* Which endpoint is next: smooth weighted round robin, and who is out for how long. Time is handed
 * in, in seconds of a clock that never goes back. */
#ifndef BACKEND_BALANCE_INTERNAL_H
#define BACKEND_BALANCE_INTERNAL_H

#include "group_internal.h"

/* The next endpoint that attempts has not tried, marked as tried; backups only when no other is
 * left. NULL when there is none. */
struct backend_endpoint *balance_pick(struct backend_group *group,
                                      struct backend_attempts *attempts, double now);

/* Marks an endpoint as tried without asking the balance, or takes the mark back. */
void balance_mark(struct backend_attempts *attempts, const struct backend_endpoint *endpoint);
void balance_unmark(struct backend_attempts *attempts, uint32_t slot);

/* The endpoint failed, which counts towards max_fails; an endpoint that is alone never does. */
void balance_failed(struct backend_endpoint *endpoint, double now);

/* The endpoint answered: its fails are forgotten if they are older than the last probe, and a
 * connection that it owes an answer for is paid for. */
void balance_succeeded(struct backend_endpoint *endpoint);

/* How many endpoints balance_pick could still give. */
uint32_t balance_untried(const struct backend_group *group, const struct backend_attempts *attempts,
                         double now);

#endif
