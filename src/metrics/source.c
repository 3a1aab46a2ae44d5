/* SPDX-License-Identifier: MIT */
/* Reads a file of cells, whoever wrote it. */
#include "source_internal.h"

#include "metrics/reader.h"

#include <string.h>

/* ---- what is where ---- */

static bool region_is_sound(const struct metrics_region *region, uint64_t size)
{
    return region->slots <= 16 * METRICS_TENANTS && region->cells <= METRICS_MOST_CELLS &&
           region->text <= METRICS_LONG_TEXT && region->offset <= size && region->offset % 8 == 0 &&
           region->text % 8 == 0 &&
           region->slots * metrics_slot_size(region) <= size - region->offset;
}

/* Where our cells of a scope are there: equal ids mean that both count the same. */
static void map_scope(uint16_t *map, enum metric_scope scope, const uint32_t *theirs,
                      uint32_t count)
{
    uint32_t ids[METRICS_MOST_CELLS];

    metrics_ids(scope, ids);
    for (uint32_t i = 0; i < metric_scope_cells[scope]; i++) {
        map[i] = METRICS_NOWHERE;
        for (uint32_t j = 0; j < count && map[i] == METRICS_NOWHERE; j++) {
            uint32_t at = (i + j) % count; /* mostly the first */

            if (theirs[at] == ids[i])
                map[i] = (uint16_t)at;
        }
    }
}

int source_open(struct metrics_source *source, const char *memory, uint64_t size)
{
    const struct metrics_header *header = metrics_header(memory);
    uint32_t ours = 0, theirs = 0;

    *source = (struct metrics_source){.size = size};
    if (!memory || size < sizeof(*header) || header->magic != METRICS_MAGIC)
        return -1;
    memcpy(source->regions, header->regions, sizeof(source->regions));
    source->long_text = header->long_text;
    source->blocks = header->blocks / METRICS_BLOCK;
    source->blocks_end = source->blocks + header->block_count;
    if (source->long_text > size || source->blocks == 0 ||
        source->blocks_end > size / METRICS_BLOCK)
        return -1;
    for (unsigned scope = 0; scope < METRIC_SCOPES; scope++) {
        const struct metrics_region *region = &source->regions[scope];

        if (!region_is_sound(region, size) || theirs + region->cells > METRICS_MOST_CELLS)
            return -1;
        map_scope(source->map + ours, (enum metric_scope)scope, header->ids + theirs,
                  region->cells);
        ours += metric_scope_cells[scope];
        theirs += region->cells;
    }
    source->memory = memory;
    return 0;
}

uint32_t source_used(const struct metrics_source *source, enum metric_scope scope)
{
    const struct metrics_header *header = metrics_header(source->memory);
    uint32_t used = atomic_load_explicit(&header->regions[scope].used, memory_order_acquire);
    uint32_t slots = source->regions[scope].slots;

    return used < slots ? used : slots;
}

/* ---- slots ---- */

static const uint16_t *source_map(const struct metrics_source *source, enum metric_scope scope)
{
    const uint16_t *map = source->map;

    for (unsigned i = 0; i < scope; i++)
        map += metric_scope_cells[i];
    return map;
}

static uint64_t slot_cell(const struct metrics_source *source, struct metrics_cells *cells,
                          uint32_t cell)
{
    uint64_t block =
        atomic_load_explicit(&cells->block[cell / METRICS_BLOCK_CELLS], memory_order_acquire);
    const _Atomic uint64_t *found;

    if (block < source->blocks || block >= source->blocks_end)
        return 0;
    found = (const _Atomic uint64_t *)(const void *)(source->memory + block * METRICS_BLOCK);
    return atomic_load_explicit(&found[cell % METRICS_BLOCK_CELLS], memory_order_relaxed);
}

static void slot_copy(const struct metrics_source *source, enum metric_scope scope,
                      struct metrics_cells *cells, const uint16_t *map,
                      struct metrics_reading *reading)
{
    const struct metrics_region *region = &source->regions[scope];
    uint32_t count = metric_scope_cells[scope];
    uint32_t len = region->text < METRICS_NAME ? region->text : METRICS_NAME;

    for (uint32_t i = 0; i < count; i++) {
        reading->cells[i] = map[i] < region->cells ? slot_cell(source, cells, map[i]) : 0;
    }
    memcpy(reading->name, metrics_slot_text(region, cells), len);
    memset(reading->name + len, 0, sizeof(reading->name) - len);
}

uint64_t source_owner(const struct metrics_source *source, enum metric_scope scope, uint32_t slot)
{
    struct metrics_cells *cells = metrics_slot(source->memory, &source->regions[scope], slot);

    return cells->scope == scope ? atomic_load_explicit(&cells->owner, memory_order_acquire) : 0;
}

bool source_read(struct metrics_source *source, enum metric_scope scope, uint32_t slot,
                 struct metrics_reading *reading)
{
    struct metrics_cells *cells = metrics_slot(source->memory, &source->regions[scope], slot);
    const uint16_t *map = source_map(source, scope);

    for (;; source->patience--) {
        uint32_t turn = atomic_load_explicit(&cells->turn, memory_order_acquire);
        bool is_same;

        reading->owner = atomic_load_explicit(&cells->owner, memory_order_acquire);
        if (cells->scope != scope || (scope >= METRIC_SCOPE_TENANT && reading->owner == 0))
            return false;
        if (turn % 2 != 0 && source->patience > 0)
            continue;
        slot_copy(source, scope, cells, map, reading);
        atomic_thread_fence(memory_order_acquire);
        is_same = reading->owner == atomic_load_explicit(&cells->owner, memory_order_relaxed);
        /* Without patience a bucket or a sum may lack a value: its writer was stopped or killed
         * between two stores. */
        if (source->patience == 0 ||
            (is_same && turn % 2 == 0 &&
             turn == atomic_load_explicit(&cells->turn, memory_order_relaxed)))
            return is_same;
    }
}

/* ---- sums ---- */

void metrics_sum(enum metric_scope scope, uint64_t *to, const uint64_t *from)
{
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        uint32_t first = metrics_places[metric].first;
        enum metric_kind kind = metric_rows[metric].kind;

        if (metrics_places[metric].scope != scope)
            continue;
        for (uint32_t i = first; i < first + metric_rows[metric].cells; i++) {
            if (kind == METRIC_LARGEST || kind == METRIC_NEWEST)
                to[i] = from[i] > to[i] ? from[i] : to[i];
            else
                to[i] += from[i];
        }
    }
}

uint64_t metrics_total(const uint64_t *cells, enum metric metric)
{
    const struct metric_row *row = &metric_rows[metric];
    uint64_t total = 0;

    for (uint32_t i = row->kind == METRIC_HISTOGRAM; i < row->cells; i++)
        total += metrics_value(cells, metric, i);
    return total;
}
