/* SPDX-License-Identifier: MIT */
/* A tenant's cells: fitted to what is wanted, kept when equal, cleared of dead workers. */
#include "cells/memory.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIB 1024

static void a_key(void *data, size_t size)
{
    static unsigned char next;

    memset(data, ++next, size);
}

static int fit(struct cells *cells, const struct cells_want *wants, uint32_t count)
{
    return cells_fit(cells, wants, count, a_key);
}

static struct cells_map *map(const struct cells *cells, uint32_t column)
{
    struct cells_map *mapped = cells_map_new(cells->fd, cells->regions, cells->count, column);

    cr_assert(cells_regions_are_valid(cells->regions, cells->count));
    cr_assert_not_null(mapped);
    return mapped;
}

static uint32_t total(struct cells_map *mapped, struct slice name)
{
    struct cells_counts *counts = cells_map_counts(mapped, name);

    cr_assert_not_null(counts);
    return counts_total(counts, counts_hash(counts, SLICE("key")));
}

static void take(struct cells_map *mapped, struct slice name)
{
    struct cells_counts *counts = cells_map_counts(mapped, name);

    cr_assert_not_null(counts);
    cr_assert_eq(counts_take(counts, counts_hash(counts, SLICE("key")), 100), COUNTS_TAKEN);
}

static const struct cells_want wants_a_b[] = {{CELLS_COUNTS, SLICE("a"), 64 * KIB},
                                              {CELLS_RATES, SLICE("b"), 100 * KIB}};

static blkcnt_t blocks(const struct cells *cells)
{
    struct stat status;

    cr_assert_eq(fstat(cells->fd, &status), 0);
    return status.st_blocks;
}

Test(cells, nothing_wanted_is_no_descriptor)
{
    struct cells cells;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, NULL, 0), 0);
    cr_assert_eq(cells.fd, -1);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    cr_assert_geq(cells.fd, 0);
    cr_assert_eq(fit(&cells, NULL, 0), 0);
    cr_assert_eq(cells.fd, -1);
    cr_assert_eq(cells.count, 0);
    cells_free(&cells);
}

Test(cells, tables_are_found_by_kind_and_name)
{
    struct cells cells;
    struct cells_map *mapped;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    mapped = map(&cells, 0);
    cr_assert_not_null(cells_map_counts(mapped, SLICE("a")));
    cr_assert_not_null(cells_map_rates(mapped, SLICE("b")));
    cr_assert_null(cells_map_rates(mapped, SLICE("a")));
    cr_assert_null(cells_map_counts(mapped, SLICE("b")));
    cr_assert_null(cells_map_counts(NULL, SLICE("a")));
    cells_map_free(mapped);
    cells_free(&cells);
}

Test(cells, the_size_is_sealed)
{
    struct cells cells;
    struct stat status;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    cr_assert_eq(fstat(cells.fd, &status), 0);
    cr_assert_lt(ftruncate(cells.fd, 0), 0);
    cr_assert_lt(ftruncate(cells.fd, status.st_size * 2), 0);
    cr_assert_eq(fcntl(cells.fd, F_GET_SEALS) & F_SEAL_SEAL, F_SEAL_SEAL);
    cells_free(&cells);
}

Test(cells, an_equal_table_keeps_its_content_and_others_begin_anew)
{
    const struct cells_want wants[] = {{CELLS_COUNTS, SLICE("c"), 64 * KIB},
                                       {CELLS_RATES, SLICE("b"), 200 * KIB},
                                       {CELLS_COUNTS, SLICE("a"), 64 * KIB}};
    struct rates_ask ask = {1000, 1, 0};
    struct cells_map *before, *after;
    struct cells_rates *rates;
    struct cells cells;
    uint32_t excess;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    before = map(&cells, 0);
    take(before, SLICE("a"));
    rates = cells_map_rates(before, SLICE("b"));
    cr_assert(rates_take(rates, rates_hash(rates, SLICE("key")), &ask, &excess));
    cr_assert_eq(fit(&cells, wants, 3), 0);
    after = map(&cells, 1);
    cr_assert_eq(total(after, SLICE("a")), 1);
    cr_assert_eq(total(after, SLICE("c")), 0);
    rates = cells_map_rates(after, SLICE("b"));
    cr_assert(rates_take(rates, rates_hash(rates, SLICE("key")), &ask, &excess));
    /* What still goes by the last configuration counts where that is the same. */
    take(before, SLICE("a"));
    cr_assert_eq(total(after, SLICE("a")), 2);
    cells_map_free(before);
    cells_map_free(after);
    cells_free(&cells);
}

Test(cells, no_two_tables_share_a_byte)
{
    struct cells cells;

    cells_init(&cells);
    for (unsigned round = 0; round < 200; round++) {
        struct cells_want wants[5];
        char names[5][8];

        for (unsigned i = 0; i < 5; i++) {
            snprintf(names[i], sizeof(names[i]), "%u", (round + i * i) % 13);
            wants[i] = (struct cells_want){CELLS_RATES, slice_of(names[i]),
                                           KIB * (1 + (round * 7 + i * 3) % 50)};
        }
        cr_assert_eq(fit(&cells, wants, 5), 0);
        cr_assert(cells_regions_are_valid(cells.regions, cells.count));
        for (unsigned i = 0; i < 5; i++) {
            for (unsigned j = 0; j < i; j++) {
                const struct cells_region *a = &cells.regions[i], *b = &cells.regions[j];

                cr_assert(a->offset + a->size <= b->offset || b->offset + b->size <= a->offset);
                cr_assert_neq(memcmp(a->key, b->key, sizeof(a->key)), 0);
            }
        }
    }
    cells_free(&cells);
}

Test(cells, a_dead_worker_is_cleared_and_nothing_is_filled)
{
    struct cells_map *a, *b;
    struct cells cells;
    blkcnt_t filled;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    a = map(&cells, 3);
    b = map(&cells, 4);
    take(a, SLICE("a"));
    take(a, SLICE("a"));
    take(b, SLICE("a"));
    filled = blocks(&cells);
    cells_clear(&cells, 3, 4);
    cr_assert_eq(total(b, SLICE("a")), 1);
    cr_assert_leq(blocks(&cells), filled);
    cells_map_free(a);
    cells_map_free(b);
    cells_free(&cells);
}

/* A worker that fills the file beyond its tables is dead, and so is what it has filled. */
Test(cells, bytes_beside_the_tables_do_not_stay)
{
    struct cells cells;
    char *bytes;

    cells_init(&cells);
    cr_assert_eq(fit(&cells, wants_a_b, 2), 0);
    bytes = mmap(NULL, 4096 * KIB, PROT_READ | PROT_WRITE, MAP_SHARED, cells.fd, 1024 * KIB);
    cr_assert_neq(bytes, MAP_FAILED);
    memset(bytes, 1, 4096 * KIB);
    cr_assert_geq(blocks(&cells), 4096 * KIB / 512);
    munmap(bytes, 4096 * KIB);
    cells_clear(&cells, 0, 1);
    cr_assert_eq(blocks(&cells), 0);
    cells_free(&cells);
}

Test(cells, regions_that_lie_elsewhere_are_not_valid)
{
    struct cells_region region = {.size = 4096};

    cr_assert(cells_regions_are_valid(&region, 1));
    region.offset = 1;
    cr_assert_not(cells_regions_are_valid(&region, 1));
    region.offset = UINT64_MAX - 4095;
    cr_assert_not(cells_regions_are_valid(&region, 1));
    region.offset = 0;
    region.size = CELLS_MOST + 1;
    cr_assert_not(cells_regions_are_valid(&region, 1));
    region.size = 0;
    cr_assert_not(cells_regions_are_valid(&region, 1));
}
