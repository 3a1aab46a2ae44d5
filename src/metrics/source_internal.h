/* SPDX-License-Identifier: MIT */
/* A file of cells as others read it: of this version or another, written by who may be hostile. */
#ifndef METRICS_SOURCE_INTERNAL_H
#define METRICS_SOURCE_INTERNAL_H

#include "file_internal.h"

#define METRICS_NOWHERE UINT16_MAX

/* How often one look at a file may find a slot just being written, over all slots: a writer needs
 * some nanoseconds, and one that is stopped or hostile may leave all of them so. */
#define METRICS_PATIENCE 4000

struct metrics_source {
    const char *memory;                           /* NULL: there is none */
    struct metrics_region regions[METRIC_SCOPES]; /* as they were found: used is read anew */
    uint64_t long_text;
    uint64_t blocks; /* where they begin and end, in blocks */
    uint64_t blocks_end;
    uint64_t size;
    uint32_t
        patience; /* how much of it is left; 0, as where nobody writes: each slot is read once */
    uint16_t map[METRICS_MOST_CELLS]; /* of our cells, the cell there, scope behind scope */
};

/* A slot, read at one moment. */
struct metrics_reading {
    uint64_t owner;
    uint64_t cells[METRICS_MOST_CELLS];
    char name[METRICS_NAME + 1];
};

/* Returns 0, or -1 when it is no file of cells: then there is none. */
int source_open(struct metrics_source *source, const char *memory, uint64_t size);

/* Slots that may be in use. */
uint32_t source_used(const struct metrics_source *source, enum metric_scope scope);

/* Whose it is, without reading it; 0: nobody's. */
uint64_t source_owner(const struct metrics_source *source, enum metric_scope scope, uint32_t slot);

/* Whether it is somebody's (for gateway and worker: always). Cells are 0 that this version has and
 * the file has not. */
bool source_read(struct metrics_source *source, enum metric_scope scope, uint32_t slot,
                 struct metrics_reading *reading);

/* to: our cells of the scope. */
void metrics_sum(enum metric_scope scope, uint64_t *to, const uint64_t *from);

/* Whether it is the column's worker that the board lets count for the tenant in that slot. */
bool metrics_board_lets(const struct metrics_cells *tenant, const struct metrics_region *region,
                        uint32_t column);

#endif
