/* SPDX-License-Identifier: MIT */
/* What each child has under way. */
#ifndef CHILDREN_PROGRESS_INTERNAL_H
#define CHILDREN_PROGRESS_INTERNAL_H

#include "children/child.h"

void progress_init(struct child *child);

/* Something of it has changed: its state, whether it will be started again, what it lacks, has been
 * sent or has taken. */
void progress_note(struct child *child);

/* Whether somebody waits for it: it is not ready, has not committed everything, or, of the former
 * generation, may still take connections. */
static inline bool progress_is_due(const struct child *child)
{
    return child->hold.scopes != 0;
}

#endif
