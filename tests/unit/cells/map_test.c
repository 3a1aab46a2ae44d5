/* SPDX-License-Identifier: MIT */
/* A worker's view: what cannot be mapped is said, and processes see each other's counts. */
#include "cells/memory.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_key(void *data, size_t size)
{
    memset(data, 7, size);
}

Test(map, what_cannot_be_mapped_is_null)
{
    const struct cells_region region = {.kind = CELLS_COUNTS, .size = 4096};

    cr_assert_null(cells_map_new(-1, &region, 1, 0));
}

Test(map, another_process_has_the_same_memory)
{
    const struct cells_want want = {CELLS_COUNTS, SLICE("zone"), 8192};
    struct cells_map *map;
    struct cells_counts *counts;
    struct cells cells;
    int status;

    cells_init(&cells);
    cr_assert_eq(cells_fit(&cells, &want, 1, a_key), 0);
    if (fork() == 0) {
        map = cells_map_new(cells.fd, cells.regions, cells.count, 1);
        close(cells.fd);
        counts = cells_map_counts(map, SLICE("zone"));
        _exit(counts_take(counts, counts_hash(counts, SLICE("key")), 1) == COUNTS_TAKEN ? 0 : 1);
    }
    cr_assert_gt(wait(&status), 0);
    cr_assert_eq(status, 0);
    map = cells_map_new(cells.fd, cells.regions, cells.count, 2);
    counts = cells_map_counts(map, SLICE("zone"));
    cr_assert_eq(counts_take(counts, counts_hash(counts, SLICE("key")), 1), COUNTS_FULL);
    cells_clear(&cells, 1, 2);
    cr_assert_eq(counts_take(counts, counts_hash(counts, SLICE("key")), 1), COUNTS_TAKEN);
    cells_map_free(map);
    cells_free(&cells);
}
