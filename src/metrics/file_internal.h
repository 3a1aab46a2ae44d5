/* SPDX-License-Identifier: MIT */
/* How a file of cells is laid out, for who writes and who reads. */
#ifndef METRICS_FILE_INTERNAL_H
#define METRICS_FILE_INTERNAL_H

#include "metrics/file.h"

#include <stdbool.h>

#define METRICS_MAGIC      UINT64_C(0x32736c6c6563676e) /* "ngcells2", little endian */
#define METRICS_MOST_CELLS 512                          /* of all scopes */

/* A tenant's text on the board begins with the columns whose workers count for it: a bit each. */
#define METRICS_BOARD_COLUMNS (METRICS_COLUMNS / 8)

struct metrics_region {
    uint32_t slots;
    uint32_t cells;        /* of a slot */
    uint32_t text;         /* bytes behind them */
    _Atomic uint32_t used; /* no slot behind is or was used */
    uint64_t offset;       /* in the file */
};

struct metrics_header {
    uint64_t magic;
    _Atomic uint64_t epoch; /* odd: the board is being changed */
    uint64_t long_text;     /* offset of the board's tenants' long texts, 0: there are none */
    struct metrics_region regions[METRIC_SCOPES];
    uint64_t blocks;      /* offset of what cells lie in */
    uint32_t block_count; /* as many as all slots can need */
    uint32_t block_used;  /* none behind is or was used */
    uint32_t block_free;  /* the first of those that were given back, the next one is its first
                             cell; 0: there is none. In the file's blocks, as slots name them */
    uint32_t ids[METRICS_MOST_CELLS]; /* what each cell counts, scope behind scope */
};

_Static_assert(sizeof(struct metrics_header) <= METRICS_DESCRIPTION, "it is all of it");

/* How many blocks so many cells have. */
static inline uint32_t metrics_blocks(uint32_t cells)
{
    return (cells + METRICS_BLOCK_CELLS - 1) / METRICS_BLOCK_CELLS;
}

/* Where a slot's text begins. */
static inline uint64_t metrics_slot_blocks_end(uint32_t cells)
{
    return (offsetof(struct metrics_cells, block) + metrics_blocks(cells) * sizeof(uint32_t) + 7) /
           8 * 8;
}

static inline uint64_t metrics_slot_size(const struct metrics_region *region)
{
    return metrics_slot_blocks_end(region->cells) + region->text;
}

static inline struct metrics_header *metrics_header(const char *memory)
{
    return (struct metrics_header *)(uintptr_t)memory;
}

static inline struct metrics_cells *metrics_slot(const char *memory,
                                                 const struct metrics_region *region, uint32_t slot)
{
    return (struct metrics_cells *)(uintptr_t)(memory + region->offset +
                                               slot * metrics_slot_size(region));
}

static inline char *metrics_slot_text(const struct metrics_region *region,
                                      struct metrics_cells *cells)
{
    return (char *)cells + metrics_slot_blocks_end(region->cells);
}

/* What every cell of a scope counts: equal in two versions means that both count the same. */
void metrics_ids(enum metric_scope scope, uint32_t *ids);

/* The same layout as ours, bytes of what changes not counted. */
bool metrics_header_is_ours(enum metrics_use use, const struct metrics_header *header);

#endif
