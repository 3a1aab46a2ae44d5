/* SPDX-License-Identifier: MIT */
/* Generations of workers: those who serve, and those of before who make room for them. */
#ifndef CHILDREN_GENERATION_H
#define CHILDREN_GENERATION_H

#include "children/children.h"

/* Starts workers as they are wanted, hands every tenant in force to them, and makes those that are
 * there the former ones: they drain as soon as the new ones have got everything. Not while a former
 * generation lives, but one that generation_inherit has put there. */
void generation_start(struct children *children);

/* Workers that another program in this process has started (execve(2)) are the former ones. Each is
 * as worker_init leaves it, but for its pid and, if there is one, its channel. Owns the array. */
void generation_inherit(struct children *children, const struct generation *former);

/* The workforce that is wanted is another: a new generation is started if need be, now or when
 * there is room for it, and the time to drain is told to all; a drain that runs is only shortened.
 */
void generation_follow(struct children *children);

/* How many seconds are left to workers that drain; 0 when none do. */
double generation_drain_left(const struct children *children);

/* How many workers a reload waits for: they are not ready, have not committed everything, or may
 * still take connections that are not theirs any more. */
unsigned generation_count_lagging(const struct children *children);

/* Says to all workers that they drain now, within that time; former ones have been told before. */
void generation_drain(struct children *children, double seconds);

void generation_init(struct children *children);
void generation_free(struct children *children);

#endif
