/* SPDX-License-Identifier: MIT */
/* How a file of cells is laid out, for who writes and who reads. */
#ifndef METRICS_FILE_INTERNAL_H
#define METRICS_FILE_INTERNAL_H

#include "metrics/file.h"

#include <stdbool.h>

#define METRICS_MAGIC      UINT64_C(0x31736c6c6563676e) /* "ngcells1", little endian */
#define METRICS_MOST_CELLS 1024                         /* of all scopes */

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
    uint64_t ids[METRICS_MOST_CELLS]; /* what each cell counts, scope behind scope */
};

_Static_assert(sizeof(struct metrics_header) <= METRICS_DESCRIPTION, "it is all of it");

static inline uint64_t metrics_slot_size(const struct metrics_region *region)
{
    return sizeof(struct metrics_cells) + (uint64_t)region->cells * sizeof(uint64_t) + region->text;
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
    return (char *)&cells->cell[region->cells];
}

/* What every cell of a scope counts: equal in two versions means that both count the same. */
void metrics_ids(enum metric_scope scope, uint64_t *ids);

/* The same layout as ours, bytes of what changes not counted. */
bool metrics_header_is_ours(enum metrics_use use, const struct metrics_header *header);

#endif
