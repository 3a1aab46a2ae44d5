/* SPDX-License-Identifier: MIT */
/* A board and some workers' files in plain memory, with a reader of them all. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void open_file(struct metrics_file *file, enum metrics_use use)
{
    char *memory = mmap(NULL, metrics_file_size(use), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    metrics_file_describe(use, memory);
    cr_assert_eq(metrics_file_open(file, use, memory), 0);
}

void rig_begin(struct rig *rig)
{
    *rig = (struct rig){.reader = metrics_reader_new()};
    open_file(&rig->board, METRICS_BOARD);
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        open_file(&rig->workers[i], METRICS_OF_WORKER);
        metrics_worker(&rig->workers[i], 0);
        cr_assert_eq(metrics_reader_set(rig->reader, i, rig->workers[i].memory,
                                        metrics_file_size(METRICS_OF_WORKER)),
                     0);
    }
    cr_assert_eq(metrics_reader_set(rig->reader, METRICS_SOURCE_BOARD, rig->board.memory,
                                    metrics_file_size(METRICS_BOARD)),
                 0);
}

void rig_end(struct rig *rig)
{
    metrics_snapshot_free(rig->snapshot);
    metrics_reader_free(rig->reader);
    munmap(rig->board.memory, metrics_file_size(METRICS_BOARD));
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        munmap(rig->workers[i].memory, metrics_file_size(METRICS_OF_WORKER));
}

uint64_t rig_tenant(struct rig *rig, uint32_t slot, const char *name)
{
    static uint64_t number;
    uint64_t owner = metrics_board_enter(&rig->board, slot, (number += METRICS_TENANTS));

    metrics_board_set_text(&rig->board, slot, &(struct metrics_text){.name = slice_of(name)});
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        metrics_board_let(&rig->board, slot, i);
    return owner;
}

struct metrics_cells *rig_take(struct rig *rig, unsigned worker, enum metric_scope scope,
                               uint64_t owner, struct slice name)
{
    struct metrics_cells *cells = metrics_take(&rig->workers[worker], scope, owner, name);

    cr_assert(cells);
    return cells;
}

void rig_bury(struct rig *rig, unsigned worker)
{
    uint64_t size = metrics_file_size(METRICS_OF_WORKER);
    char *memory = rig->workers[worker].memory;

    metrics_board_begin(&rig->board);
    metrics_board_fold(&rig->board, memory, size, worker);
    cr_assert_eq(madvise(memory, size, MADV_DONTNEED), 0);
    metrics_file_describe(METRICS_OF_WORKER, memory);
    metrics_board_end(&rig->board);
    cr_assert_eq(metrics_file_open(&rig->workers[worker], METRICS_OF_WORKER, memory), 0);
}

const struct metrics_snapshot *rig_look(struct rig *rig)
{
    metrics_snapshot_free(rig->snapshot);
    rig->snapshot = metrics_snapshot_new(rig->reader, SLICE(""));
    cr_assert(rig->snapshot);
    return rig->snapshot;
}

const uint64_t *rig_cells(struct rig *rig, const char *tenant)
{
    const struct metrics_snapshot *snapshot = rig_look(rig);

    for (uint32_t i = 0; i < snapshot->tenant_count; i++) {
        if (slice_equal(snapshot->tenants[i].text.name, slice_of(tenant)))
            return snapshot->tenants[i].cells;
    }
    return NULL;
}

static void append(char **text, size_t *len, const char *piece, size_t size)
{
    *text = realloc(*text, *len + size + 1);
    cr_assert(*text);
    memcpy(*text + *len, piece, size);
    *len += size;
    (*text)[*len] = '\0';
}

char *rig_text(struct rig *rig, enum metrics_format format, size_t piece)
{
    struct metrics_render render;
    char *buffer = malloc(piece), *text = NULL;
    size_t len = 0, got;

    metrics_render_init(&render, rig_look(rig), format);
    append(&text, &len, "", 0);
    while ((got = metrics_render_text(&render, buffer, piece)) > 0)
        append(&text, &len, buffer, got);
    free(buffer);
    return text;
}
