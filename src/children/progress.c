/* SPDX-License-Identifier: MIT */
/* What each child has under way, for who waits until all is settled (io/pending.h). */
#include "progress_internal.h"

#include "children_internal.h"
#include "deliveries_internal.h"

#include "base/container_of.h"

#include <stdio.h>

/* ---- what is told ---- */

static void progress_describe(const struct hold *hold, char text[PENDING_TEXT])
{
    const struct child *child = CONTAINER_OF(hold, struct child, hold);
    const struct delivery *first = child->deliveries;
    char name[16];

    snprintf(name, sizeof(name), "worker %u", child->index);
    if (child->role != ROLE_WORKER)
        snprintf(text, PENDING_TEXT, "the end of the %s",
                 child->role == ROLE_RESOLVER ? "resolver" : "observer");
    else if (child->state != CHILD_READY)
        snprintf(text, PENDING_TEXT, "%s, which is not ready", name);
    else if (first && first->assignment)
        snprintf(text, PENDING_TEXT, "%s, which has not taken over tenant %s", name,
                 first->assignment->name);
    else
        snprintf(text, PENDING_TEXT, "%s, which has not been told everything", name);
}

/* ---- what is under way ---- */

/* It is not up, but will be. */
static bool progress_comes_back(const struct child *child)
{
    return !child->is_stopping && (child->state == CHILD_LOST || deadline_is_set(&child->timer));
}

/* A former worker, until it has heard that it drains: it may still take connections. */
static unsigned progress_of_former(const struct child *worker)
{
    bool has_heard = !child_is_up(worker) || worker->heartbeat.answered >= worker->drain_ping;

    return has_heard ? 0 : PENDING_RELOAD | PENDING_ARRIVAL;
}

/* A dead one that will come back holds up a reload, which it is part of, but no upgrade: that may
 * be what mends it. */
static unsigned progress_of_worker(const struct child *worker)
{
    bool is_lagging = worker->awaiting > 0 || worker->due > 0 || worker->is_lacking;
    unsigned scopes = 0;

    if (child_is_up(worker) ? is_lagging : progress_comes_back(worker))
        scopes |= PENDING_RELOAD;
    if (worker->pid > 0 && (worker->state != CHILD_READY || is_lagging || worker->has_queue))
        scopes |= PENDING_UPGRADE;
    return scopes;
}

void progress_note(struct child *child)
{
    bool was_due = progress_is_due(child);
    unsigned scopes = 0;

    if (child->role != ROLE_WORKER)
        scopes = child->state == CHILD_LOST ? PENDING_UPGRADE : 0;
    else if (!child->children->is_ending)
        scopes = child->is_former ? progress_of_former(child) : progress_of_worker(child);
    hold_set(&child->hold, scopes);
    if (was_due && !progress_is_due(child))
        children_advance(child->children);
}

/* ---- life ---- */

void progress_init(struct child *child)
{
    hold_init(&child->hold, child->children->loop, progress_describe);
}
