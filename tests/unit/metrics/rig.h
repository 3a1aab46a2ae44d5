/* SPDX-License-Identifier: MIT */
/* A board and some workers' files in plain memory, with a reader of them all. */
#ifndef TESTS_METRICS_RIG_H
#define TESTS_METRICS_RIG_H

#include "metrics/reader.h"
#include "metrics/render.h"

#define RIG_WORKERS 3

struct rig {
    struct metrics_file board;
    struct metrics_file workers[RIG_WORKERS]; /* of the columns 0, 1, ... */
    struct metrics_reader *reader;
    struct metrics_snapshot *snapshot; /* of the last rig_look */
};

void rig_begin(struct rig *rig);
void rig_end(struct rig *rig);

/* A tenant whom all workers may count for. Returns its number. */
uint64_t rig_tenant(struct rig *rig, uint32_t slot, const char *name);
struct metrics_cells *rig_take(struct rig *rig, unsigned worker, enum metric_scope scope,
                               uint64_t owner, struct slice name);

/* The worker has ended: its file is folded and emptied. */
void rig_bury(struct rig *rig, unsigned worker);

/* Reads anew; it must be possible. */
const struct metrics_snapshot *rig_look(struct rig *rig);
/* The tenant's cells then; NULL: there is none of that name. */
const uint64_t *rig_cells(struct rig *rig, const char *tenant);

/* Everything that is rendered, in pieces of that many bytes; the caller frees it. */
char *rig_text(struct rig *rig, enum metrics_format format, size_t piece);

#endif
