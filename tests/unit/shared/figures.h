/* SPDX-License-Identifier: MIT */
/* A worker's file of cells without a worker: what it has counted is read from it. */
#ifndef TESTS_SHARED_FIGURES_H
#define TESTS_SHARED_FIGURES_H

#include "metrics/reader.h"

/* A descriptor of such a file, empty; the caller's. */
int figures_new_file(void);
/* Mapped, and unmapped. */
void figures_map(struct metrics_file *file, int fd);
void figures_unmap(struct metrics_file *file);

/* The sum over all slots of that owner; over all processes' for owner 0 and a row of theirs. */
uint64_t figures_of(const struct metrics_file *file, uint64_t owner, enum metric metric,
                    unsigned label);

#endif
