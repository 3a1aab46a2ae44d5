/* SPDX-License-Identifier: MIT */
/* Memory that the supervisor and all workers of one tenant share: one file without a name, of a
 * sealed size, with a region for each table that the tenant's configuration wants. The supervisor
 * keeps it over workers' deaths, generations and upgrades; workers get it with the tenant (TENANT),
 * map it and close it. A region's content lives as long as each new configuration wants an equal
 * one (kind, name, size): what differs begins anew, in other bytes. */
#ifndef CELLS_MEMORY_H
#define CELLS_MEMORY_H

#include "cells/counts.h"
#include "cells/rates.h"

/* What a tenant may want at most: regions, and bytes of all. */
#define CELLS_REGIONS 64
#define CELLS_MOST    (UINT64_C(1) << 30)

enum cells_kind { CELLS_COUNTS, CELLS_RATES };

/* A table that a configuration wants. */
struct cells_want {
    enum cells_kind kind;
    struct slice name; /* equal means equal: of a zone, its name and what its key is made of */
    uint64_t size;     /* bytes */
};

struct cells_region {
    enum cells_kind kind;
    struct fingerprint id;              /* cells_id */
    uint64_t offset;                    /* in the file, whole pages */
    uint64_t size;                      /* as wanted */
    unsigned char key[FINGERPRINT_KEY]; /* its keys' hashes are nobody else's */
};

struct fingerprint cells_id(enum cells_kind kind, struct slice name);

/* ---- the supervisor's ---- */

/* Embedded by its owner, of one tenant. */
struct cells {
    int fd; /* -1: nothing is wanted */
    struct cells_region *regions;
    uint32_t count;
};

void cells_init(struct cells *memory);
void cells_free(struct cells *memory);

/* A configuration comes into force: equal regions stay, new ones are zero, others go. Returns 0, or
 * -1 with errno: then all is as it was. random fills a key. */
int cells_fit(struct cells *memory, const struct cells_want *wants, uint32_t count,
              void (*random)(void *data, size_t size));

/* Workers are dead, those of the columns first to end - 1: what they had is given back, and what
 * was written beside the regions is dropped. */
void cells_clear(struct cells *memory, uint32_t first, uint32_t end);

/* ---- a worker's ---- */

/* What a tenant's message brought, mapped. */
struct cells_map;

/* Copies the regions; fd is still the caller's, and may be closed. column: the worker's own. NULL
 * with errno. */
struct cells_map *cells_map_new(int fd, const struct cells_region *regions, uint32_t count,
                                uint32_t column);
void cells_map_free(struct cells_map *map);

/* The table of that name; NULL: there is none of that kind. map may be NULL: there are none. */
struct cells_counts *cells_map_counts(struct cells_map *map, struct slice name);
struct cells_rates *cells_map_rates(struct cells_map *map, struct slice name);

/* Whether a worker can map that: what a message says is not believed blindly. */
bool cells_regions_are_valid(const struct cells_region *regions, uint32_t count);

#endif
