/* SPDX-License-Identifier: MIT */
/* Counts by key over all workers of a tenant, held to a limit: connections of a client, exchanges
 * with a server, handshakes in progress. No lock: each worker changes its own entries only, and a
 * dead worker's are removed by the supervisor (cells/memory.h), so that what it held is given back.
 *
 *     struct cells_counts *counts = cells_map_counts(map, name);      NULL: there is none
 *     uint64_t hash = counts_hash(counts, key);                  once, for what is lasting
 *     if (counts_take(counts, hash, limit) != COUNTS_TAKEN) refuse;
 *     ...
 *     counts_give(counts, hash);                                 once for each that was taken
 */
#ifndef CELLS_COUNTS_H
#define CELLS_COUNTS_H

#include "base/fingerprint.h"

/* Of a table with one key only. */
#define COUNTS_LEAST 1024

/* What one worker and key can have at most. */
#define COUNTS_MAX ((1u << 18) - 1)

/* A view of the table; by value in who maps it. */
struct cells_counts {
    uint64_t *words;
    uint64_t buckets;
    uint32_t column; /* the worker's own, below 128 */
    unsigned char key[FINGERPRINT_KEY];
};

enum counts_verdict {
    COUNTS_TAKEN,
    COUNTS_FULL,   /* the limit is reached */
    COUNTS_NO_ROOM /* for another key at this place of the table */
};

/* size: in bytes, at least COUNTS_LEAST; the words are zeroed at first. */
void counts_init(struct cells_counts *counts, void *memory, uint64_t size, uint32_t column);

uint64_t counts_hash(const struct cells_counts *counts, struct slice key);

/* One more of that key, unless all workers together have `limit` already. Exact: no more than the
 * limit are ever held, and of workers that want the last one at once, one gets it. */
enum counts_verdict counts_take(struct cells_counts *counts, uint64_t hash, uint32_t limit);
/* One that this worker has taken. */
void counts_give(struct cells_counts *counts, uint64_t hash);

/* What all workers have. */
uint32_t counts_total(const struct cells_counts *counts, uint64_t hash);

/* Workers of the columns first to end - 1 are dead. words: some of a table's. */
void counts_clear(uint64_t *words, uint64_t count, uint32_t first, uint32_t end);

#endif
