/* SPDX-License-Identifier: MIT */
/* Connections per tenant and worker, in memory that all of them share: each worker writes its own
 * column only, a sum is the tenant's total, and a dead worker's column is set to zero. */
#ifndef IPC_TALLY_H
#define IPC_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#define TALLY_WORKERS 64    /* columns */
#define TALLY_TENANTS 16384 /* rows; untouched pages cost nothing */

struct tally;

/* The supervisor makes it (a memfd); *fd is for the workers and stays owned by the tally. NULL with
 * errno. */
struct tally *tally_new(int *fd);
/* A worker maps it; fd may be closed afterwards. NULL with errno. */
struct tally *tally_map(int fd);
void tally_free(struct tally *tally);

/* How many workers there are; none has a column beyond. TALLY_WORKERS before it is called. */
void tally_set_workers(struct tally *tally, uint32_t workers);

/* slot < TALLY_TENANTS, worker < TALLY_WORKERS */
void tally_add(struct tally *tally, uint32_t slot, uint32_t worker, int32_t change);
uint32_t tally_total(const struct tally *tally, uint32_t slot);
/* Only by who made it. */
void tally_clear_worker(struct tally *tally, uint32_t worker);

#endif
