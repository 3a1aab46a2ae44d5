/* SPDX-License-Identifier: MIT */
/* Of what is measured, that which -s status tells as lists. */
#ifndef SUPERVISOR_STATUS_FIGURES_INTERNAL_H
#define SUPERVISOR_STATUS_FIGURES_INTERNAL_H

#include "base/arena.h"
#include "control/status.h"
#include "metrics/reader.h"

/* Of a tenant's cells: codes and durations of its requests, see control/protocol.h. */
struct slice status_codes(const uint64_t *cells, struct arena *arena);
struct slice status_durations(const uint64_t *cells, struct arena *arena);

/* Of the gateway's cells: the outcome of the last reload; empty: there was none. */
const char *status_outcome(const uint64_t *cells);

/* For each tenant of the snapshot where its servers begin among the parts; the caller's. */
uint32_t *status_index_servers(const struct metrics_snapshot *snapshot);

/* The tenant's upstream there, but for its `tenant`; *next, which is of the index at first, is then
 * the next one's. Returns whether there is one. */
bool status_next_upstream(const struct metrics_snapshot *snapshot, uint32_t tenant, uint32_t *next,
                          struct status_upstream *upstream);

#endif
