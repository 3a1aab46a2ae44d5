/* SPDX-License-Identifier: MIT */
/* What the room's files share: the step of a handover. */
#ifndef CHILDREN_CHILDREN_INTERNAL_H
#define CHILDREN_CHILDREN_INTERNAL_H

#include "children/children.h"

/* A worker is ready, has committed all or has ended: sees at the end of this turn what follows. */
static inline void children_advance(struct children *children)
{
    if (children->handover.state != HANDOVER_NONE)
        loop_defer(children->loop, &children->handover.step);
}

#endif
