/* SPDX-License-Identifier: MIT */
/* A worker's file of cells without a worker: what it has counted is read from it. */
#include "shared/figures.h"

#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int figures_new_file(void)
{
    uint64_t size = metrics_file_size(METRICS_OF_WORKER);
    int fd = sealed_memory("figures", size);
    char *memory = sealed_memory_map(fd, size, true);

    cr_assert(memory);
    metrics_file_describe(METRICS_OF_WORKER, memory);
    munmap(memory, size);
    return fd;
}

void figures_map(struct metrics_file *file, int fd)
{
    char *memory = sealed_memory_map(fd, metrics_file_size(METRICS_OF_WORKER), true);

    cr_assert(memory);
    cr_assert_eq(metrics_file_open(file, METRICS_OF_WORKER, memory), 0);
}

void figures_unmap(struct metrics_file *file)
{
    munmap(file->memory, metrics_file_size(METRICS_OF_WORKER));
    file->memory = NULL;
}

static uint64_t of_tenant(const struct metrics_snapshot *snapshot, enum metric metric,
                          unsigned label)
{
    enum metric_scope scope = metrics_places[metric].scope;
    uint64_t value = 0;

    if (scope == METRIC_SCOPE_TENANT)
        return metrics_value(snapshot->tenants[0].cells, metric, label);
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        if (snapshot->parts[i].scope == scope)
            value += metrics_value(snapshot->parts[i].cells, metric, label);
    }
    return value;
}

/* By a board that knows that owner alone. */
uint64_t figures_of(const struct metrics_file *file, uint64_t owner, enum metric metric,
                    unsigned label)
{
    uint64_t size = metrics_file_size(METRICS_BOARD), value = 0;
    uint32_t slot = (uint32_t)(owner % METRICS_TENANTS);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct metrics_reader *reader = metrics_reader_new();
    struct metrics_snapshot *snapshot;
    struct metrics_file board;

    metrics_file_describe(METRICS_BOARD, memory);
    cr_assert_eq(metrics_file_open(&board, METRICS_BOARD, memory), 0);
    if (owner != 0) {
        metrics_board_enter(&board, slot, owner);
        metrics_board_set_text(&board, slot, &(struct metrics_text){.name = SLICE("it")});
        metrics_board_let(&board, slot, 0);
    }
    cr_assert_eq(metrics_reader_set(reader, 0, file->memory, metrics_file_size(METRICS_OF_WORKER)),
                 0);
    cr_assert_eq(metrics_reader_set(reader, METRICS_SOURCE_BOARD, memory, size), 0);
    snapshot = metrics_snapshot_new(reader, SLICE(""));
    cr_assert(snapshot);
    if (owner != 0)
        value = of_tenant(snapshot, metric, label);
    else if (metrics_places[metric].scope == METRIC_SCOPE_GATEWAY)
        value = metrics_value(snapshot->gateway, metric, label);
    else if (snapshot->workers[0])
        value = metrics_value(snapshot->workers[0], metric, label);
    metrics_snapshot_free(snapshot);
    metrics_reader_free(reader);
    munmap(memory, size);
    return value;
}
