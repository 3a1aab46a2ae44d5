/* SPDX-License-Identifier: MIT */
/* What ended workers have counted becomes the board's. */
#include "source_internal.h"

#include <string.h>

/* The board's text of a tenant begins with the columns of the workers that count for it. */
static _Atomic uint64_t *tenant_columns(const struct metrics_region *region,
                                        const struct metrics_cells *tenant)
{
    return (_Atomic uint64_t *)(uintptr_t)&tenant->cell[region->cells];
}

void metrics_board_let(struct metrics_file *board, uint32_t slot, uint32_t column)
{
    const struct metrics_region *region =
        &metrics_header(board->memory)->regions[METRIC_SCOPE_TENANT];
    _Atomic uint64_t *columns = tenant_columns(region, metrics_board_tenant(board, slot));

    atomic_fetch_or(&columns[column / 64], UINT64_C(1) << (column % 64));
}

bool metrics_board_lets(const struct metrics_cells *tenant, const struct metrics_region *region,
                        uint32_t column)
{
    _Atomic uint64_t *columns = tenant_columns(region, tenant);

    return (atomic_load_explicit(&columns[column / 64], memory_order_relaxed) >> (column % 64) &
            1) != 0;
}

static void board_let_no_more(struct metrics_file *board, uint32_t column)
{
    const struct metrics_region *region =
        &metrics_header(board->memory)->regions[METRIC_SCOPE_TENANT];

    for (uint32_t i = 0; i < region->used; i++)
        atomic_fetch_and(
            &tenant_columns(region, metrics_slot(board->memory, region, i))[column / 64],
            ~(UINT64_C(1) << (column % 64)));
}

/* Gauges die with who set them. */
static void fold_cells(struct metrics_cells *to, enum metric_scope scope, const uint64_t *from)
{
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        const struct metric_row *row = &metric_rows[metric];

        if (metrics_places[metric].scope != scope ||
            (row->kind != METRIC_COUNTER && row->kind != METRIC_HISTOGRAM))
            continue;
        for (uint32_t i = 0; i < row->cells; i++)
            metrics_add_label(to, (enum metric)metric, i, from[metrics_places[metric].first + i]);
    }
}

/* The board's slot of that listener or endpoint, made if need be. */
static struct metrics_cells *fold_find(struct metrics_file *board, enum metric_scope scope,
                                       const struct metrics_reading *reading)
{
    const struct metrics_region *region = &metrics_header(board->memory)->regions[scope];

    for (uint32_t i = 0; i < region->used; i++) {
        struct metrics_cells *cells = metrics_slot(board->memory, region, i);

        if (cells->owner == reading->owner &&
            memcmp(metrics_slot_text(region, cells), reading->name, METRICS_NAME - 1) == 0)
            return cells;
    }
    return metrics_take(board, scope, reading->owner,
                        (struct slice){reading->name, METRICS_NAME - 1});
}

/* Returns NULL for what is nobody's any more, or not that worker's to count. */
static struct metrics_cells *fold_place(struct metrics_file *board, enum metric_scope scope,
                                        const struct metrics_reading *reading, uint32_t column)
{
    const struct metrics_region *region =
        &metrics_header(board->memory)->regions[METRIC_SCOPE_TENANT];
    struct metrics_cells *tenant;

    if (scope == METRIC_SCOPE_GATEWAY)
        return metrics_gateway(board);
    if (scope == METRIC_SCOPE_WORKER)
        return metrics_worker(board, column % METRICS_WORKERS);
    tenant = metrics_board_find(board, reading->owner);
    if (!tenant || !metrics_board_lets(tenant, region, column))
        return NULL;
    return scope == METRIC_SCOPE_TENANT ? tenant : fold_find(board, scope, reading);
}

void metrics_board_fold(struct metrics_file *board, const char *memory, uint64_t size,
                        uint32_t column)
{
    struct metrics_source source;
    struct metrics_reading reading;

    if (source_open(&source, memory, size) == 0) {
        for (unsigned scope = 0; scope < METRIC_SCOPE_CERTIFICATE; scope++) {
            for (uint32_t i = 0; i < source_used(&source, (enum metric_scope)scope); i++) {
                struct metrics_cells *to = NULL;

                if (source_read(&source, (enum metric_scope)scope, i, &reading))
                    to = fold_place(board, (enum metric_scope)scope, &reading, column);
                if (to)
                    fold_cells(to, (enum metric_scope)scope, reading.cells);
            }
        }
    }
    board_let_no_more(board, column);
}
