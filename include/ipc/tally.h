/* SPDX-License-Identifier: MIT */
/* Connections per tenant and worker, in memory that all of them share: each worker writes its own
 * column only, a sum is the tenant's total, and a dead worker's column is set to zero. Two
 * generations of workers may run at a time; each has one half of the columns. */
#ifndef IPC_TALLY_H
#define IPC_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#define TALLY_WORKERS 64 /* of a generation: the columns of a half */
#define TALLY_HALVES  2
#define TALLY_COLUMNS (TALLY_HALVES * TALLY_WORKERS)
#define TALLY_TENANTS 16384 /* rows; untouched pages cost nothing */

struct tally;

/* The supervisor makes it (a memfd); *fd is for the workers and stays owned by the tally. NULL with
 * errno. */
struct tally *tally_new(int *fd);
/* Who made it maps it again, after an execve(2): owns fd from now on, unless it fails. NULL with
 * errno. */
struct tally *tally_keep(int fd);
/* A worker maps it; fd may be closed afterwards. NULL with errno. */
struct tally *tally_map(int fd);
void tally_free(struct tally *tally);

static inline uint32_t tally_column(unsigned half, unsigned worker)
{
    return half * TALLY_WORKERS + worker;
}

/* slot < TALLY_TENANTS, column < TALLY_COLUMNS */
void tally_add(struct tally *tally, uint32_t slot, uint32_t column, int32_t change);
uint32_t tally_total(const struct tally *tally, uint32_t slot);

/* ---- only by who made it ---- */

/* How many workers a half has from now on, 0 for none: all its columns are set to zero, and those
 * beyond count for nobody. workers <= TALLY_WORKERS */
void tally_set_workers(struct tally *tally, unsigned half, uint32_t workers);
/* A worker has died. */
void tally_clear_worker(struct tally *tally, uint32_t column);

#endif
