/* SPDX-License-Identifier: MIT */
/* Counting what is under way, and telling who waits when it has come to an end. */
#include "io/pending.h"

#include "pending_internal.h"

#include "base/container_of.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

#define SCOPES 3

struct pending {
    struct loop *loop;
    TAILQ_HEAD(, hold) holds; /* the oldest first */
    TAILQ_HEAD(, pending_waiter) waiters;
    unsigned counts[SCOPES]; /* of holds, by scope */
    struct loop_task idle;
};

/* ---- what is under way ---- */

void hold_init(struct hold *hold, struct loop *loop, hold_describe *describe)
{
    *hold = (struct hold){.loop = loop, .describe = describe};
}

static void pending_count(struct pending *pending, unsigned before, unsigned after)
{
    for (unsigned i = 0; i < SCOPES; i++) {
        unsigned bit = 1U << i;

        if (after & ~before & bit)
            pending->counts[i]++;
        if (!(before & ~after & bit))
            continue;
        assert(pending->counts[i] > 0);
        if (--pending->counts[i] == 0)
            loop_defer(pending->loop, &pending->idle);
    }
}

void hold_set(struct hold *hold, unsigned scopes)
{
    struct pending *pending;

    if (hold->scopes == scopes)
        return;
    pending = hold->loop->pending;
    if (hold->scopes == 0) {
        hold->since = loop_now(hold->loop);
        TAILQ_INSERT_TAIL(&pending->holds, hold, next);
    } else if (scopes == 0) {
        TAILQ_REMOVE(&pending->holds, hold, next);
    }
    pending_count(pending, hold->scopes, scopes);
    hold->scopes = scopes;
}

/* ---- who waits ---- */

void pending_wait(struct loop *loop, struct pending_waiter *waiter)
{
    TAILQ_INSERT_TAIL(&loop->pending->waiters, waiter, next);
    loop_defer(loop, &loop->pending->idle);
}

void pending_wait_no_more(struct loop *loop, struct pending_waiter *waiter)
{
    TAILQ_REMOVE(&loop->pending->waiters, waiter, next);
}

const struct hold *pending_first(const struct loop *loop, enum pending_scope scope)
{
    const struct hold *hold;

    TAILQ_FOREACH (hold, &loop->pending->holds, next) {
        if (hold->scopes & scope)
            return hold;
    }
    return NULL;
}

static void pending_on_idle(struct loop_task *task)
{
    const struct pending *pending = CONTAINER_OF(task, struct pending, idle);
    struct pending_waiter *waiter;
    struct pending_waiter *next;

    for (waiter = TAILQ_FIRST(&pending->waiters); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, next);
        if (!pending_first(pending->loop, waiter->scope))
            waiter->on_idle(waiter);
    }
}

/* ---- life ---- */

struct pending *pending_new(struct loop *loop)
{
    struct pending *pending = memory_zeroed(1, sizeof(*pending));

    pending->loop = loop;
    TAILQ_INIT(&pending->holds);
    TAILQ_INIT(&pending->waiters);
    pending->idle.run = pending_on_idle;
    return pending;
}

void pending_free(struct pending *pending)
{
    assert(TAILQ_EMPTY(&pending->holds) && TAILQ_EMPTY(&pending->waiters));
    loop_cancel(pending->loop, &pending->idle);
    free(pending);
}
