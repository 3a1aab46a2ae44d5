/* SPDX-License-Identifier: MIT */
/* A tenant's shared memory as a worker has it: mapped, with a view of each table. */
#include "cells/memory.h"

#include "base/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

struct map_table {
    struct fingerprint id;
    union {
        struct cells_counts counts;
        struct cells_rates rates;
    };
};

struct cells_map {
    char *bytes;
    uint64_t size;
    uint32_t count;
    struct map_table tables[];
};

static void table_init(struct map_table *table, char *bytes, const struct cells_region *region,
                       uint32_t column)
{
    table->id = region->id;
    if (region->kind == CELLS_COUNTS) {
        counts_init(&table->counts, bytes + region->offset, region->size, column);
        memcpy(table->counts.key, region->key, sizeof(region->key));
    } else {
        rates_init(&table->rates, bytes + region->offset, region->size);
        memcpy(table->rates.key, region->key, sizeof(region->key));
    }
}

struct cells_map *cells_map_new(int fd, const struct cells_region *regions, uint32_t count,
                                uint32_t column)
{
    uint64_t end = 0;
    struct cells_map *map;
    char *bytes;

    for (uint32_t i = 0; i < count; i++) {
        if (regions[i].offset + regions[i].size > end)
            end = regions[i].offset + regions[i].size;
    }
    bytes = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    map = memory_zeroed(1, sizeof(*map) + count * sizeof(map->tables[0]));
    map->bytes = bytes;
    map->size = end;
    map->count = count;
    for (uint32_t i = 0; i < count; i++)
        table_init(&map->tables[i], bytes, &regions[i], column);
    return map;
}

void cells_map_free(struct cells_map *map)
{
    if (!map)
        return;
    munmap(map->bytes, map->size);
    memory_wipe_free(map, sizeof(*map) + map->count * sizeof(map->tables[0]));
}

static struct map_table *map_find(struct cells_map *map, enum cells_kind kind, struct slice name)
{
    struct fingerprint id = cells_id(kind, name);

    for (uint32_t i = 0; map && i < map->count; i++) {
        if (fingerprint_equal(map->tables[i].id, id))
            return &map->tables[i];
    }
    return NULL;
}

struct cells_counts *cells_map_counts(struct cells_map *map, struct slice name)
{
    struct map_table *table = map_find(map, CELLS_COUNTS, name);

    return table ? &table->counts : NULL;
}

struct cells_rates *cells_map_rates(struct cells_map *map, struct slice name)
{
    struct map_table *table = map_find(map, CELLS_RATES, name);

    return table ? &table->rates : NULL;
}
