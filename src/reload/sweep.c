/* SPDX-License-Identifier: MIT */
/* Tenants whose cells still have counts of dead workers, and the walk over them. */
#include "reload/sweep.h"

#include <stdio.h>

/* Of one step; a tenant with large tables may take longer. */
#define SWEEP_SECONDS 0.002

void sweep_record(struct record *record)
{
    for (uint32_t column = 0; column < TALLY_COLUMNS; column++) {
        uint64_t *dead = &record->dead[column / TALLY_WORKERS];
        uint64_t bit = UINT64_C(1) << (column % TALLY_WORKERS);

        if (*dead & bit)
            cells_clear(&record->cells, column, column + 1);
        *dead &= ~bit;
    }
}

static bool is_due(const struct record *record)
{
    return record->dead[0] || record->dead[1];
}

static void on_step(struct loop_task *task)
{
    struct sweep *sweep = CONTAINER_OF(task, struct sweep, step);
    double end = loop_clock() + SWEEP_SECONDS;
    bool has_swept = false; /* however long the way to the first one is */

    REGISTRY_FOREACH (record, sweep->registry) {
        if (!is_due(record))
            continue;
        if (has_swept && loop_clock() >= end) {
            loop_defer(sweep->loop, &sweep->step);
            return;
        }
        sweep_record(record);
        has_swept = true;
    }
    hold_set(&sweep->hold, 0);
}

static void describe(const struct hold *hold, char text[PENDING_TEXT])
{
    (void)hold;
    snprintf(text, PENDING_TEXT, "what a dead worker had of its tenants' limits");
}

void sweep_init(struct sweep *sweep, struct loop *loop, struct registry *registry)
{
    *sweep = (struct sweep){.loop = loop, .registry = registry, .step.run = on_step};
    hold_init(&sweep->hold, loop, describe);
}

void sweep_free(struct sweep *sweep)
{
    loop_cancel(sweep->loop, &sweep->step);
    hold_set(&sweep->hold, 0);
}

void sweep_begin(struct sweep *sweep, uint32_t column)
{
    REGISTRY_FOREACH (record, sweep->registry) {
        if (record->cells.fd >= 0)
            record->dead[column / TALLY_WORKERS] |= UINT64_C(1) << (column % TALLY_WORKERS);
    }
    hold_set(&sweep->hold, PENDING_UPGRADE);
    loop_defer(sweep->loop, &sweep->step);
}
