/* SPDX-License-Identifier: MIT */
/* What ended workers have counted becomes the board's. */
#include "source_internal.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A listener's or endpoint's slot of the board. */
struct part {
    uint64_t owner;
    const char *name;
    struct metrics_cells *cells;
};

struct fold {
    struct metrics_file *board;
    struct part *parts; /* of the scope that is being folded, in their order */
    uint32_t count;
};

/* The board's text of a tenant begins with the columns of the workers that count for it. */
static _Atomic uint64_t *tenant_columns(const struct metrics_region *region,
                                        const struct metrics_cells *tenant)
{
    return (_Atomic uint64_t *)(uintptr_t)((const char *)tenant +
                                           metrics_slot_blocks_end(region->cells));
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

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left, *b = right;

    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return memcmp(a->name, b->name, METRICS_NAME - 1);
}

/* However many there are, and whatever the worker calls its own, each is found fast. */
static void fold_sort(struct fold *fold, enum metric_scope scope)
{
    const struct metrics_region *region = &metrics_header(fold->board->memory)->regions[scope];

    fold->count = 0;
    if (scope < METRIC_SCOPE_LISTENER || region->used == 0)
        return;
    fold->parts = memory_resize(fold->parts, region->used * sizeof(fold->parts[0]));
    for (uint32_t i = 0; i < region->used; i++) {
        struct metrics_cells *cells = metrics_slot(fold->board->memory, region, i);

        if (cells->owner != 0)
            fold->parts[fold->count++] =
                (struct part){cells->owner, metrics_slot_text(region, cells), cells};
    }
    if (fold->count > 1)
        qsort(fold->parts, fold->count, sizeof(fold->parts[0]), compare_parts);
}

/* The board's slot of that listener or endpoint, made if need be. */
static struct metrics_cells *fold_find(const struct fold *fold, enum metric_scope scope,
                                       const struct metrics_reading *reading)
{
    const struct part wanted = {reading->owner, reading->name, NULL};
    const struct part *found = NULL;

    if (fold->count > 0)
        found = bsearch(&wanted, fold->parts, fold->count, sizeof(wanted), compare_parts);
    return found ? found->cells
                 : metrics_take(fold->board, scope, reading->owner,
                                (struct slice){reading->name, METRICS_NAME - 1});
}

/* Returns NULL for what is nobody's any more, or not that worker's to count. column:
 * METRICS_COLUMNS for a board, whose workers lie by their index. */
static struct metrics_cells *fold_place(const struct fold *fold, enum metric_scope scope,
                                        const struct metrics_reading *reading, uint32_t column)
{
    struct metrics_file *board = fold->board;
    const struct metrics_region *region =
        &metrics_header(board->memory)->regions[METRIC_SCOPE_TENANT];
    struct metrics_cells *tenant = metrics_board_find(board, reading->owner);

    if (!tenant || (column < METRICS_COLUMNS && !metrics_board_lets(tenant, region, column)))
        return NULL;
    return scope == METRIC_SCOPE_TENANT ? tenant : fold_find(fold, scope, reading);
}

static void fold_scope(struct fold *fold, struct metrics_source *source, enum metric_scope scope,
                       uint32_t column)
{
    struct metrics_reading reading;

    fold_sort(fold, scope);
    for (uint32_t i = 0; i < source_used(source, scope); i++) {
        struct metrics_cells *to;

        if (!source_read(source, scope, i, &reading))
            continue;
        if (scope == METRIC_SCOPE_GATEWAY)
            to = metrics_gateway(fold->board);
        else if (scope == METRIC_SCOPE_WORKER)
            to = metrics_worker(fold->board,
                                (column < METRICS_COLUMNS ? column : i) % METRICS_WORKERS);
        else
            to = fold_place(fold, scope, &reading, column);
        if (to)
            fold_cells(to, scope, reading.cells);
    }
}

static void fold_all(struct metrics_file *board, struct metrics_source *source, uint32_t column)
{
    struct fold fold = {.board = board};

    metrics_board_sweep(board);
    for (unsigned scope = 0; scope < METRIC_SCOPE_CERTIFICATE; scope++)
        fold_scope(&fold, source, (enum metric_scope)scope, column);
    free(fold.parts);
}

/* ---- another version's board ---- */

void metrics_board_inherit(struct metrics_file *board, const char *memory, uint64_t size)
{
    struct metrics_source source;
    struct metrics_reading reading;

    if (source_open(&source, memory, size) != 0)
        return;
    for (uint32_t i = 0; i < source_used(&source, METRIC_SCOPE_TENANT); i++) {
        if (!source_read(&source, METRIC_SCOPE_TENANT, i, &reading))
            continue;
        metrics_board_enter(board, i, reading.owner);
        for (uint32_t column = 0; column < METRICS_COLUMNS; column++) {
            if (metrics_board_lets(
                    metrics_slot(source.memory, &source.regions[METRIC_SCOPE_TENANT], i),
                    &source.regions[METRIC_SCOPE_TENANT], column))
                metrics_board_let(board, i, column);
        }
    }
    fold_all(board, &source, METRICS_COLUMNS);
}

/* ---- a worker's file ---- */

void metrics_board_fold(struct metrics_file *board, const char *memory, uint64_t size,
                        uint32_t column)
{
    struct metrics_source source;

    if (source_open(&source, memory, size) == 0)
        fold_all(board, &source, column);
    board_let_no_more(board, column);
}
