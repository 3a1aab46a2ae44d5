/* SPDX-License-Identifier: MIT */
/* What became of each tenant in a reload: counted, told to the log and to who asked for it. */
#ifndef RELOAD_OUTCOMES_H
#define RELOAD_OUTCOMES_H

#include "base/slice.h"

struct record;
struct reload;

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

/* Embedded by the reload. */
struct outcomes {
    unsigned counts[OUTCOMES];
};

/* reason may be NULL. Of a reload the log names OUTCOMES_LOGGED tenants of each kind. */
#define OUTCOMES_LOGGED 100
void outcomes_tell(struct reload *reload, enum outcome outcome, struct slice tenant,
                   const char *reason);

/* Of a tenant of the reload, or of one that is tried again: its file is in force; is not; will be
 * when its host names have addresses. */
enum applied { APPLIED_NEW, APPLIED_CHANGED, APPLIED_UNCHANGED };
void outcomes_applied(struct reload *reload, struct record *record, enum applied applied);
void outcomes_refused(struct reload *reload, struct record *record);
void outcomes_waits(struct record *record);

/* The end of the reload: tells of all tenants that are in force but do not serve, and how many the
 * log has not named. */
void outcomes_finish(struct reload *reload);

/* Whether some tenant is in force but does not serve as it should, as of outcomes_finish. */
bool outcomes_lack(const struct outcomes *outcomes);

#endif
