/* SPDX-License-Identifier: MIT */
/* Fates of tenants in a reload, told. */
#include "reload/outcomes.h"

#include "reload/record_state.h"
#include "reload/reload.h"

static const char *const outcome_words[OUTCOMES] = {
    [OUTCOME_ADDED] = "added",     [OUTCOME_CHANGED] = "changed",   [OUTCOME_REMOVED] = "removed",
    [OUTCOME_REFUSED] = "refused", [OUTCOME_DEGRADED] = "degraded", [OUTCOME_WAITING] = "waiting",
    [OUTCOME_BLOCKED] = "blocked",
};

void outcomes_tell(struct reload *reload, enum outcome outcome, struct slice tenant,
                   const char *reason)
{
    const char *word = outcome_words[outcome];
    bool is_named = ++reload->outcomes.counts[outcome] <= OUTCOMES_LOGGED;

    /* Outside of reloads there is none that names too many. */
    if (reload->kind == RELOAD_NONE || (reload->kind == RELOAD_ASKED && is_named))
        log_notice("tenant %.*s: %s%s%s", SLICE_PRINTF(tenant), word, reason ? ": " : "",
                   reason ? reason : "");
    control_tell_tenant(reload->control, word, tenant, reason);
}

void outcomes_waits(struct record *record)
{
    record->is_refused = false;
    record->awaits_names = true;
    record_set_error(record, NULL);
}

void outcomes_refused(struct reload *reload, struct record *record)
{
    record->is_refused = true;
    record->awaits_names = false;
    outcomes_tell(reload, OUTCOME_REFUSED, slice_of(record->name), record->error);
}

void outcomes_applied(struct reload *reload, struct record *record, enum applied applied)
{
    record->is_refused = record->awaits_names = false;
    record_set_error(record, NULL);
    if (applied == APPLIED_UNCHANGED)
        return;
    reload->effective = reload->number;
    outcomes_tell(reload, applied == APPLIED_NEW ? OUTCOME_ADDED : OUTCOME_CHANGED,
                  slice_of(record->name), NULL);
}

/* What a tenant that does not serve counts as; OUTCOMES: it serves, or has been told of. */
static const enum outcome outcomes_of_states[] = {[RECORD_SERVING] = OUTCOMES,
                                                  [RECORD_DEGRADED] = OUTCOME_DEGRADED,
                                                  [RECORD_WAITING] = OUTCOME_WAITING,
                                                  [RECORD_BLOCKED] = OUTCOME_BLOCKED,
                                                  [RECORD_REFUSED] = OUTCOMES};

void outcomes_finish(struct reload *reload)
{
    struct outcomes *outcomes = &reload->outcomes;
    struct arena arena;

    arena_init(&arena, 1024);
    sockets_look_for_addresses(reload->sockets);
    REGISTRY_FOREACH (record, reload->registry) {
        enum outcome outcome = outcomes_of_states[record_state(record)];

        if (outcome == OUTCOMES && record->awaits_names)
            outcome = OUTCOME_WAITING; /* what is in force is the version before */
        if (outcome == OUTCOMES)
            continue;
        outcomes_tell(reload, outcome, slice_of(record->name),
                      arena_text(&arena, record_trouble(record, &arena)));
        arena_reset(&arena);
    }
    arena_free(&arena);
    for (unsigned i = 0; i < OUTCOMES && reload->kind == RELOAD_ASKED; i++) {
        if (outcomes->counts[i] > OUTCOMES_LOGGED)
            log_notice("... and %u more tenants %s", outcomes->counts[i] - OUTCOMES_LOGGED,
                       outcome_words[i]);
    }
}

bool outcomes_lack(const struct outcomes *outcomes)
{
    return outcomes->counts[OUTCOME_DEGRADED] + outcomes->counts[OUTCOME_WAITING] +
               outcomes->counts[OUTCOME_BLOCKED] >
           0;
}
