/* SPDX-License-Identifier: MIT */
/* What the workers have at the moment, asked of them when somebody wants to know. */
#ifndef CHILDREN_FIGURES_H
#define CHILDREN_FIGURES_H

#include "children/children.h"

void figures_init(struct children *children);
void figures_free(struct children *children);

/* Asks all workers of both generations; on_figures follows, perhaps before this returns. One
 * question at a time: who asks while one is under way shares its answer. */
void figures_ask(struct children *children);

/* FIGURES of a worker. Returns 0 or ERROR_IPC. */
int figures_on_message(struct child *worker, struct ipc_received *received);

/* It cannot answer any more. */
void figures_on_death(struct child *worker);

#endif
