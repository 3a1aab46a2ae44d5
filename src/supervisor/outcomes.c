/* SPDX-License-Identifier: MIT */
/* Fates of tenants in a round, told. */
#include "outcomes_internal.h"

#include "record_state_internal.h"
#include "supervisor_internal.h"

static const char *const outcome_words[OUTCOMES] = {
    [OUTCOME_ADDED] = "added",     [OUTCOME_CHANGED] = "changed",   [OUTCOME_REMOVED] = "removed",
    [OUTCOME_REFUSED] = "refused", [OUTCOME_DEGRADED] = "degraded", [OUTCOME_WAITING] = "waiting",
    [OUTCOME_BLOCKED] = "blocked",
};

void outcomes_tell(struct supervisor *supervisor, enum outcome outcome, struct slice tenant,
                   const char *reason)
{
    const char *word = outcome_words[outcome];

    bool is_named = ++supervisor->round.outcomes.counts[outcome] <= OUTCOMES_LOGGED;

    /* Outside of rounds there is none that names too many. */
    if (supervisor->round.kind == ROUND_NONE ||
        (supervisor->round.kind == ROUND_RELOAD && is_named))
        log_notice("tenant %.*s: %s%s%s", SLICE_PRINTF(tenant), word, reason ? ": " : "",
                   reason ? reason : "");
    control_tell_tenant(&supervisor->control, word, tenant, reason);
}

/* What a tenant that does not serve counts as; OUTCOMES: it serves, or has been told of. */
static enum outcome outcome_of_state(enum record_state state)
{
    switch (state) {
    case RECORD_DEGRADED:
        return OUTCOME_DEGRADED;
    case RECORD_WAITING:
        return OUTCOME_WAITING;
    case RECORD_BLOCKED:
        return OUTCOME_BLOCKED;
    default:
        return OUTCOMES;
    }
}

void outcomes_finish(struct supervisor *supervisor)
{
    struct outcomes *outcomes = &supervisor->round.outcomes;
    const struct record *record;
    struct arena arena;

    arena_init(&arena, 1024);
    sockets_look_for_addresses(&supervisor->sockets);
    for (record = supervisor->registry.records; record; record = record->hh.next) {
        enum outcome outcome = outcome_of_state(record_state(record));

        if (outcome == OUTCOMES && record->awaits_names)
            outcome = OUTCOME_WAITING; /* what is in force is the version before */
        if (outcome == OUTCOMES)
            continue;
        outcomes_tell(supervisor, outcome, slice_of(record->name),
                      arena_text(&arena, record_trouble(record, &arena)));
        arena_reset(&arena);
    }
    arena_free(&arena);
    for (unsigned i = 0; i < OUTCOMES && supervisor->round.kind == ROUND_RELOAD; i++) {
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
