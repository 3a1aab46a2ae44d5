/* SPDX-License-Identifier: MIT */
/* limit_conn: how many requests of a key may be in progress, over all workers of the tenant. */
#include "dispatch_internal.h"

#include <stdio.h>

#define KEY_MOST 255 /* bytes; nginx's */

/* One of a zone; they lie in the exchange's arena. */
struct limit_held {
    struct limit_held *next;
    struct cells_counts *counts;
    uint64_t hash;
};

void limit_conn_stop(struct dispatch *dispatch)
{
    for (; dispatch->held; dispatch->held = dispatch->held->next)
        counts_give(dispatch->held->counts, dispatch->held->hash);
}

static void hold(struct dispatch *dispatch, struct cells_counts *counts, uint64_t hash)
{
    struct limit_held *held = ARENA_NEW(&dispatch->exchange->arena, struct limit_held);
    *held = (struct limit_held){dispatch->held, counts, hash};
    dispatch->held = held;
}

/* Nothing is held of zones that had room: who is refused counts nowhere. */
static enum dispatch_verdict refuse(struct dispatch *dispatch, const struct config_zone *zone,
                                    enum counts_verdict verdict)
{
    const struct config_limit_manner *manner = &dispatch->settings->limit_conn;
    char text[160];
    snprintf(text, sizeof(text), "limiting connections%s by zone \"%.*s\"%s",
             manner->dry_run ? ", dry run," : "", SLICE_PRINTF(zone->name),
             verdict == COUNTS_NO_ROOM ? ", which is full" : "");
    report_note(dispatch, manner->level, text);
    limit_conn_stop(dispatch);
    dispatch->limit_conn = manner->dry_run ? LIMIT_REJECTED_DRY_RUN : LIMIT_REJECTED;
    return manner->dry_run ? DISPATCH_CONTINUE : limit_refuse(dispatch, manner);
}

enum dispatch_verdict limit_conn(struct dispatch *dispatch)
{
    const struct config_settings *settings = dispatch->settings;
    for (uint32_t i = 0; i < settings->limit_conn_count; i++) {
        const struct config_limit_conn *limit = &settings->limit_conns[i];
        const struct config_zone *zone = &dispatch->tenant->config.zones[limit->zone];
        struct cells_counts *counts = tenant_zone_counts(dispatch->tenant, limit->zone);
        struct slice key = limit_key(dispatch, zone, KEY_MOST);
        if (key.len == 0 || !counts)
            continue;
        uint64_t hash = counts_hash(counts, key);
        enum counts_verdict verdict = counts_take(counts, hash, limit->most);
        if (verdict != COUNTS_TAKEN)
            return refuse(dispatch, zone, verdict);
        dispatch->limit_conn = LIMIT_PASSED;
        hold(dispatch, counts, hash);
    }
    return DISPATCH_CONTINUE;
}
