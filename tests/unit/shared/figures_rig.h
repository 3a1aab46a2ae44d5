/* SPDX-License-Identifier: MIT */
/* Figures of a gateway with one worker, in plain memory. */
#ifndef TESTS_SHARED_FIGURES_RIG_H
#define TESTS_SHARED_FIGURES_RIG_H

#include "metrics/reader.h"

struct figures_rig {
    struct metrics_file board;
    struct metrics_file worker;
    struct metrics_reader *reader;
    struct metrics_snapshot *snapshot;
};

void figures_rig_begin(struct figures_rig *rig);
void figures_rig_end(struct figures_rig *rig);

/* A tenant, and the worker's cells for it. */
struct metrics_cells *figures_rig_tenant(struct figures_rig *rig, uint32_t slot,
                                         const struct metrics_text *text);
/* One more listener, endpoint or certificate of it. */
struct metrics_cells *figures_rig_part(struct figures_rig *rig, uint32_t slot,
                                       enum metric_scope scope, struct slice name);
/* So many requests, each answered with that status after so many seconds. */
void figures_rig_ask(struct metrics_cells *cells, unsigned count, unsigned status, double seconds);

/* Reads anew; tenant: empty for all. */
const struct metrics_snapshot *figures_rig_look(struct figures_rig *rig, const char *tenant);

#endif
