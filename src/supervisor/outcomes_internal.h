/* SPDX-License-Identifier: MIT */
/* What became of each tenant in a round: counted, told to the log and to who asked for it. */
#ifndef SUPERVISOR_OUTCOMES_INTERNAL_H
#define SUPERVISOR_OUTCOMES_INTERNAL_H

#include "base/slice.h"

struct supervisor;

enum outcome {
    OUTCOME_ADDED,
    OUTCOME_CHANGED,
    OUTCOME_REMOVED,
    OUTCOME_REFUSED,
    /* how those are at its end that do not serve as they should */
    OUTCOME_DEGRADED,
    OUTCOME_WAITING,
    OUTCOME_BLOCKED,
    OUTCOMES
};

/* Embedded by the round. */
struct outcomes {
    unsigned counts[OUTCOMES];
};

/* reason may be NULL. Of a reload the log names OUTCOMES_LOGGED tenants of each kind. */
#define OUTCOMES_LOGGED 100
void outcomes_tell(struct supervisor *supervisor, enum outcome outcome, struct slice tenant,
                   const char *reason);

/* The end of the round: tells of all tenants that are in force but do not serve, and how many the
 * log has not named. */
void outcomes_finish(struct supervisor *supervisor);

/* Whether some tenant is in force but does not serve as it should, as of outcomes_finish. */
bool outcomes_lack(const struct outcomes *outcomes);

#endif
