/* SPDX-License-Identifier: MIT */
/* A board and a worker's file, and a reader of both. */
#include "shared/figures_rig.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

static void open_file(struct figures_rig *rig, uint32_t source, struct metrics_file *file)
{
    enum metrics_use use = source == METRICS_SOURCE_BOARD ? METRICS_BOARD : METRICS_OF_WORKER;
    uint64_t size = metrics_file_size(use);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    metrics_file_describe(use, memory);
    cr_assert_eq(metrics_file_open(file, use, memory), 0);
    cr_assert_eq(metrics_reader_set(rig->reader, source, memory, size), 0);
}

void figures_rig_begin(struct figures_rig *rig)
{
    *rig = (struct figures_rig){.reader = metrics_reader_new()};
    open_file(rig, METRICS_SOURCE_BOARD, &rig->board);
    open_file(rig, 0, &rig->worker);
}

void figures_rig_end(struct figures_rig *rig)
{
    metrics_snapshot_free(rig->snapshot);
    metrics_reader_free(rig->reader);
    munmap(rig->board.memory, metrics_file_size(METRICS_BOARD));
    munmap(rig->worker.memory, metrics_file_size(METRICS_OF_WORKER));
}

struct metrics_cells *figures_rig_tenant(struct figures_rig *rig, uint32_t slot,
                                         const struct metrics_text *text)
{
    static uint64_t number;
    uint64_t owner = metrics_board_enter(&rig->board, slot, (number += METRICS_TENANTS));

    metrics_board_set_text(&rig->board, slot, text);
    metrics_board_let(&rig->board, slot, 0);
    return metrics_take(&rig->worker, METRIC_SCOPE_TENANT, owner, SLICE(""));
}

struct metrics_cells *figures_rig_part(struct figures_rig *rig, uint32_t slot,
                                       enum metric_scope scope, struct slice name)
{
    struct metrics_file *file = scope == METRIC_SCOPE_CERTIFICATE ? &rig->board : &rig->worker;

    return metrics_take(file, scope, metrics_board_tenant(&rig->board, slot)->owner, name);
}

void figures_rig_ask(struct metrics_cells *cells, unsigned count, unsigned status, double seconds)
{
    metrics_add_label(cells, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H1, status), count);
    while (count-- > 0)
        metrics_observe(cells, METRIC_REQUEST_DURATION, seconds);
}

const struct metrics_snapshot *figures_rig_look(struct figures_rig *rig, const char *tenant)
{
    metrics_snapshot_free(rig->snapshot);
    rig->snapshot = metrics_snapshot_new(rig->reader, slice_of(tenant));
    cr_assert_not_null(rig->snapshot);
    return rig->snapshot;
}
