/* SPDX-License-Identifier: MIT */
/* Deadlines: a heap of armed moments that follow lazily, queued at their shares once they are over.
 */
#include "io/deadline.h"

#include "base/container_of.h"
#include "loop_internal.h"

/* Deadlines that are queued at a look: those of many connections may be over at the same time. */
#define COLLECT_PIECE 256

static void arm(struct deadline *deadline, double at)
{
    heap_push(&deadline->loop->timers, &deadline->armed, at);
}

/* It may have been moved or cleared since it was armed, and since it was queued. */
static void on_due(struct loop_task *task)
{
    struct deadline *deadline = CONTAINER_OF(task, struct deadline, due);

    if (deadline->at == 0)
        return;
    if (deadline->at - loop_now(deadline->loop) > DEADLINE_SLACK) {
        arm(deadline, deadline->at);
        return;
    }
    deadline->at = 0;
    deadline->on_expired(deadline);
}

void deadlines_collect(struct loop *loop)
{
    struct heap_node *first;

    for (unsigned done = 0; done < COLLECT_PIECE; done++) {
        first = heap_first(&loop->timers);
        if (!first || first->key > loop->now)
            return;

        struct deadline *deadline = CONTAINER_OF(first, struct deadline, armed);

        heap_remove(&loop->timers, first);
        loop_ready(deadline->share, &deadline->due);
    }
}

void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_expired)(struct deadline *deadline))
{
    *deadline = (struct deadline){
        .due = {.run = on_due}, .loop = loop, .share = loop->current, .on_expired = on_expired};
}

void deadline_set(struct deadline *deadline, double seconds)
{
    double at = loop_now(deadline->loop) + (seconds > 0 ? seconds : 0);

    deadline->at = at;
    if (deadline->due.place == LOOP_READY)
        return;
    if (deadline->armed.is_in) {
        if (deadline->armed.key <= at)
            return;
        heap_remove(&deadline->loop->timers, &deadline->armed);
    }
    arm(deadline, at);
}

void deadline_clear(struct deadline *deadline)
{
    deadline->at = 0;
}

bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->at != 0;
}

void deadline_stop(struct deadline *deadline)
{
    deadline->at = 0;
    heap_remove(&deadline->loop->timers, &deadline->armed);
    loop_cancel(deadline->loop, &deadline->due);
}
