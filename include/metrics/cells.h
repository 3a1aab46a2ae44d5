/* SPDX-License-Identifier: MIT */
/* Counting: an add to a cell of one's own, in memory that others read. There is one writer. */
#ifndef METRICS_CELLS_H
#define METRICS_CELLS_H

#include "metrics/table.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

/* Cells lie in blocks, which are made when the first of their cells counts: a row that counts
 * nothing needs no memory. */
#define METRICS_BLOCK_CELLS 4
#define METRICS_BLOCK       (METRICS_BLOCK_CELLS * sizeof(uint64_t))

/* The cells of one tenant, endpoint, ... : a slot of a file (metrics/file.h). */
struct metrics_cells {
    _Atomic uint32_t turn;    /* odd: the writer is in the middle of a histogram */
    uint32_t place;           /* in the file, in words of 8 bytes */
    _Atomic uint64_t owner;   /* whose it is; 0: nobody's */
    uint32_t scope;           /* enum metric_scope */
    _Atomic uint32_t block[]; /* where they lie in the file, in blocks; 0: all cells are 0 */
};

/* Where each row's cells begin: the place in a struct with all rows of its scope. */
#define X(name, text, kind, unit, set, help) uint64_t name[METRIC_CELLS_##set];
struct metrics_gateway_layout {
    METRICS_GATEWAY(X)
};
struct metrics_worker_layout {
    METRICS_WORKER(X)
};
struct metrics_tenant_layout {
    METRICS_TENANT(X)
};
struct metrics_listener_layout {
    METRICS_LISTENER(X)
};
struct metrics_endpoint_layout {
    METRICS_ENDPOINT(X)
};
struct metrics_certificate_layout {
    METRICS_CERTIFICATE(X)
};
#undef X

struct metrics_place {
    uint16_t first;
    uint8_t scope;
};

/* In the header, so that a call's row costs nothing. */
static const struct metrics_place metrics_places[METRIC_ROWS] = {
#define PLACE(layout, name, of)                                                                    \
    [METRIC_##name] = {offsetof(struct metrics_##layout##_layout, name) / sizeof(uint64_t),        \
                       METRIC_SCOPE_##of},
#define X(name, text, kind, unit, set, help) PLACE(gateway, name, GATEWAY)
    METRICS_GATEWAY(X)
#undef X
#define X(name, text, kind, unit, set, help) PLACE(worker, name, WORKER)
        METRICS_WORKER(X)
#undef X
#define X(name, text, kind, unit, set, help) PLACE(tenant, name, TENANT)
            METRICS_TENANT(X)
#undef X
#define X(name, text, kind, unit, set, help) PLACE(listener, name, LISTENER)
                METRICS_LISTENER(X)
#undef X
#define X(name, text, kind, unit, set, help) PLACE(endpoint, name, ENDPOINT)
                    METRICS_ENDPOINT(X)
#undef X
#define X(name, text, kind, unit, set, help) PLACE(certificate, name, CERTIFICATE)
                        METRICS_CERTIFICATE(X)
#undef X
#undef PLACE
};

/* Makes the block of that cell, which is 0. */
_Atomic uint64_t *metrics_make(struct metrics_cells *cells, uint32_t cell);

/* NULL: its block is not made. */
static inline _Atomic uint64_t *metrics_find(struct metrics_cells *cells, uint32_t cell)
{
    uint64_t block =
        atomic_load_explicit(&cells->block[cell / METRICS_BLOCK_CELLS], memory_order_relaxed);
    char *file = (char *)cells - cells->place * sizeof(uint64_t);

    return block == 0 ? NULL
                      : (_Atomic uint64_t *)(void *)(file + block * METRICS_BLOCK) +
                            cell % METRICS_BLOCK_CELLS;
}

static inline uint32_t metrics_cell(const struct metrics_cells *cells, enum metric metric,
                                    unsigned label)
{
    assert(cells->scope == metrics_places[metric].scope);
    return metrics_places[metric].first + label;
}

/* What its writer has counted. */
static inline uint64_t metrics_counted(struct metrics_cells *cells, enum metric metric,
                                       unsigned label)
{
    _Atomic uint64_t *cell = metrics_find(cells, metrics_cell(cells, metric, label));

    return cell ? atomic_load_explicit(cell, memory_order_relaxed) : 0;
}

/* Of a row with labels, the cell of that one. cells may be NULL: nobody counts. */
static inline void metrics_add_label(struct metrics_cells *cells, enum metric metric,
                                     unsigned label, uint64_t n)
{
    _Atomic uint64_t *cell;

    if (!cells || n == 0)
        return;
    cell = metrics_find(cells, metrics_cell(cells, metric, label));
    if (!cell)
        cell = metrics_make(cells, metrics_cell(cells, metric, label));
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void metrics_add(struct metrics_cells *cells, enum metric metric, uint64_t n)
{
    metrics_add_label(cells, metric, 0, n);
}

/* Of a gauge, which may fall. */
static inline void metrics_move(struct metrics_cells *cells, enum metric metric, int64_t n)
{
    metrics_add_label(cells, metric, 0, (uint64_t)n);
}

static inline void metrics_set_label(struct metrics_cells *cells, enum metric metric,
                                     unsigned label, uint64_t value)
{
    _Atomic uint64_t *cell;

    if (!cells)
        return;
    cell = metrics_find(cells, metrics_cell(cells, metric, label));
    if (!cell && value != 0)
        cell = metrics_make(cells, metrics_cell(cells, metric, label));
    if (cell)
        atomic_store_explicit(cell, value, memory_order_relaxed);
}

static inline void metrics_set(struct metrics_cells *cells, enum metric metric, uint64_t value)
{
    metrics_set_label(cells, metric, 0, value);
}

/* A time in seconds, of a histogram; less than nothing is nothing. */
void metrics_observe(struct metrics_cells *cells, enum metric metric, double seconds);

#endif
