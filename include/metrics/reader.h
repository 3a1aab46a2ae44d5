/* SPDX-License-Identifier: MIT */
/* Reading: all files of cells, summed at one moment. The reader is given mapped memory, and touches
 * nothing of it but slots in use, so that no page is made by reading. */
#ifndef METRICS_READER_H
#define METRICS_READER_H

#include "metrics/file.h"

/* ---- the files ---- */

/* A worker's column, or the board. */
#define METRICS_SOURCE_BOARD METRICS_COLUMNS
#define METRICS_SOURCES      (METRICS_COLUMNS + 1)

struct metrics_reader;

struct metrics_reader *metrics_reader_new(void);
void metrics_reader_free(struct metrics_reader *reader);

/* From now on that file is read, which stays mapped until another is set or the reader is freed.
 * memory may be NULL: there is none. Returns 0, or -1 when it is no such file: then there is none.
 * A process that begins to read sets all columns first: a sum without one of them would go back. */
int metrics_reader_set(struct metrics_reader *reader, uint32_t source, const char *memory,
                       uint64_t size);

/* ---- what they say ---- */

struct metrics_tenant {
    uint64_t owner;
    struct metrics_text text;
    uint64_t *cells; /* by metrics_places */
};

/* A listener, endpoint or certificate. */
struct metrics_part {
    uint32_t tenant; /* in the snapshot */
    enum metric_scope scope;
    const char *name; /* parts with a 0 between and behind them, METRICS_NAME bytes */
    uint64_t *cells;
    bool is_live; /* a process has it now */
};

struct metrics_snapshot {
    uint64_t *gateway;
    uint64_t *workers[METRICS_WORKERS]; /* NULL: there is none of that index */
    struct metrics_tenant *tenants;     /* in the board's order */
    uint32_t tenant_count;
    struct metrics_part *parts; /* scope by scope, tenant by tenant, by name */
    uint32_t part_count;
    size_t size; /* bytes that all of it takes */
};

/* tenant: only that one; empty: all. NULL when there is no board, or it is being changed or was
 * while it was read, which who writes it never sees. */
struct metrics_snapshot *metrics_snapshot_new(struct metrics_reader *reader, struct slice tenant);
/* The tenant in that slot of the board; NULL: there is none. */
const struct metrics_tenant *metrics_snapshot_find(const struct metrics_snapshot *snapshot,
                                                   uint32_t slot);
void metrics_snapshot_free(struct metrics_snapshot *snapshot);

/* Of a row with labels, the cell of that one; cells as the row's scope has them. */
static inline uint64_t metrics_value(const uint64_t *cells, enum metric metric, unsigned label)
{
    return cells[metrics_places[metric].first + label];
}
/* Of all labels; of a histogram, how many were observed. */
uint64_t metrics_total(const uint64_t *cells, enum metric metric);

#endif
