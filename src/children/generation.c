/* SPDX-License-Identifier: MIT */
/* From one generation of workers to the next: started beside the old one, which then drains. */
#include "children/generation.h"

#include "children_internal.h"
#include "deliveries_internal.h"
#include "progress_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "children/workers.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION_GRACE                                                                           \
    1.0 /* seconds after the time to drain until who has not ended is killed                       \
         */

static void generation_set_state(struct children *children, enum handover_state state)
{
    struct handover *handover = &children->handover;

    assert(!handover->former.workers == (state == HANDOVER_NONE));
    log_debug("handover: state %d to %d", (int)handover->state, (int)state);
    handover->state = state;
    hold_set(&handover->hold, state == HANDOVER_NONE || children->is_ending ? 0
                              : state == HANDOVER_DRAINING
                                  ? PENDING_UPGRADE
                                  : PENDING_RELOAD | PENDING_UPGRADE | PENDING_ARRIVAL);
}

static void generation_describe(const struct hold *hold, char text[PENDING_TEXT])
{
    const struct children *children = CONTAINER_OF(hold, struct children, handover.hold);
    const struct generation *former = &children->handover.former;
    unsigned count = 0;

    if (children->handover.state != HANDOVER_DRAINING) {
        snprintf(text, PENDING_TEXT, "new workers that do not serve yet (%u of them)",
                 generation_count_lagging(children));
        return;
    }
    GENERATION_FOREACH (worker, former)
        count += worker->pid > 0;
    snprintf(text, PENDING_TEXT, "the end of workers that drain (%u of them, at most %.0f s more)",
             count, generation_drain_left(children));
}

static bool generation_has_ended(const struct generation *generation)
{
    GENERATION_FOREACH (worker, generation) {
        if (worker->pid > 0)
            return false;
    }
    return true;
}

/* ---- what they are told ---- */

void generation_drain(struct children *children, double seconds)
{
    WORKERS_FOREACH (worker, children) {
        if (!worker->is_former || children->handover.state != HANDOVER_DRAINING)
            worker_say_drain(worker, seconds, false);
    }
}

/* Counted from the drain's begin, so that a reload in between gives nobody more time. */
static void generation_drain_former(struct children *children)
{
    struct handover *handover = &children->handover;
    double until = handover->drains_since + children->wanted.drain_time;
    double seconds;

    if (until >= handover->drains_until)
        return;
    handover->drains_until = until;
    seconds = generation_drain_left(children);
    GENERATION_FOREACH (worker, &handover->former) {
        worker_say_drain(worker, seconds, false);
        if (child_is_up(worker) && worker->drain_ping == 0)
            worker->drain_ping = child_ping(worker);
        progress_note(worker);
    }
    deadline_set(&handover->limit, seconds + GENERATION_GRACE);
}

double generation_drain_left(const struct children *children)
{
    const struct handover *handover = &children->handover;
    double left = handover->drains_until - loop_now(children->loop);

    return handover->state == HANDOVER_DRAINING && left > 0. ? left : 0.;
}

static void generation_on_limit(struct deadline *limit)
{
    struct children *children = CONTAINER_OF(limit, struct children, handover.limit);
    const struct generation *former = &children->handover.former;

    log_warn("old workers do not end, killing them");
    GENERATION_FOREACH (worker, former)
        child_signal(worker, SIGKILL);
}

/* ---- starting ---- */

static bool generation_has_identity(const struct children *children)
{
    const struct cage_identity *a = &children->identity;
    const struct cage_identity *b = &children->wanted.identity;

    if (a->sandbox != b->sandbox)
        return false;
    return a->keep ||
           (a->user == b->user && a->group == b->group && a->group_count == b->group_count &&
            memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0);
}

static void generation_start_present(struct children *children)
{
    const struct handover *handover = &children->handover;
    struct generation *present = &children->present;
    struct assignment *assignment = NULL;
    struct slice keys;

    if (!generation_has_identity(children)) { /* the next ones will be whom they should be */
        if (child_is_up(&children->resolver))
            child_dismiss(&children->resolver);
        if (child_is_up(&children->observer))
            child_dismiss(&children->observer);
    }
    children->identity = children->wanted.identity;
    present->half = handover->state == HANDOVER_NONE ? 0 : 1 - handover->former.half;
    present->count = children->wanted.count;
    present->workers = memory_zeroed(present->count, sizeof(present->workers[0]));
    children->generation++;
    tally_set_workers(children->tally, present->half, present->count);
    for (unsigned i = 0; i < present->count; i++)
        worker_init(&present->workers[i], children, i, present->half);
    while ((assignment = children->events->next(children->owner, assignment))) {
        if (children->events->bundle(assignment, &keys))
            workers_assign(children, assignment);
    }
    GENERATION_FOREACH (worker, present)
        child_start(worker);
}

void generation_inherit(struct children *children, const struct generation *former)
{
    GENERATION_FOREACH (worker, former) {
        worker->is_former = true;
        worker->half = former->half;
        child_stop(worker);
    }
    children->handover.former = *former;
    generation_set_state(children, HANDOVER_PREPARING);
}

void generation_start(struct children *children)
{
    struct generation before = children->present;

    if (before.workers) {
        assert(children->handover.state == HANDOVER_NONE);
        workers_forget_all(children);
        children->present = (struct generation){0};
        generation_inherit(children, &before);
        log_notice("starting %u workers in place of %u", children->wanted.count, before.count);
    }
    generation_start_present(children);
}

/* ---- changes ---- */

static bool generation_is_as_wanted(const struct children *children)
{
    return children->wanted.count == children->present.count && generation_has_identity(children);
}

/* It has not served: nobody misses it. */
static void generation_replace_present(struct children *children)
{
    log_notice("the new workers have not served yet, others are started instead");
    GENERATION_FOREACH (worker, &children->present) {
        child_stop(worker);
        child_signal(worker, SIGKILL);
    }
    generation_set_state(children, HANDOVER_REPLACING);
    children_advance(children);
}

void generation_follow(struct children *children)
{
    GENERATION_FOREACH (worker, &children->present)
        worker_tell_drain_time(worker);
    if (children->handover.state == HANDOVER_DRAINING)
        generation_drain_former(children);
    if (generation_is_as_wanted(children))
        return;
    switch (children->handover.state) {
    case HANDOVER_NONE:
        generation_start(children);
        break;
    case HANDOVER_PREPARING:
        generation_replace_present(children);
        break;
    case HANDOVER_REPLACING:
        break;
    case HANDOVER_DRAINING:
        log_notice("workers of before still drain: others are started when they have ended");
        break;
    }
}

/* ---- going on ---- */

/* Every worker runs and has got all there is. */
static bool generation_can_serve(const struct children *children)
{
    GENERATION_FOREACH (worker, &children->present) {
        if (worker->state != CHILD_READY || progress_is_due(worker))
            return false;
    }
    return true;
}

static void generation_hand_over(struct children *children)
{
    log_notice("%u new workers serve, the old ones drain", children->present.count);
    generation_set_state(children, HANDOVER_DRAINING);
    children->handover.drains_since = loop_now(children->loop);
    children->handover.drains_until = INFINITY;
    generation_drain_former(children);
}

/* One that is dead may still wait for its next start. */
static void generation_free_workers(struct generation *generation)
{
    GENERATION_FOREACH (worker, generation) {
        child_close(worker);
        deliveries_close(worker);
    }
    free(generation->workers);
    *generation = (struct generation){0};
}

static void generation_bury_former(struct children *children)
{
    struct handover *handover = &children->handover;

    log_info("the old workers have ended");
    deadline_stop(&handover->limit);
    tally_set_workers(children->tally, handover->former.half, 0);
    generation_free_workers(&handover->former);
    generation_set_state(children, HANDOVER_NONE);
    if (!generation_is_as_wanted(children))
        generation_start(children);
}

static void generation_replace(struct children *children)
{
    workers_forget_all(children);
    generation_free_workers(&children->present);
    generation_set_state(children, HANDOVER_PREPARING);
    generation_start_present(children);
}

static void generation_step(struct loop_task *task)
{
    struct children *children = CONTAINER_OF(task, struct children, handover.step);
    const struct generation *former = &children->handover.former;

    if (children->is_ending)
        return;
    switch (children->handover.state) {
    case HANDOVER_NONE:
        return;
    case HANDOVER_PREPARING:
        if (generation_can_serve(children))
            generation_hand_over(children);
        break;
    case HANDOVER_REPLACING:
        if (generation_has_ended(&children->present))
            generation_replace(children);
        break;
    case HANDOVER_DRAINING:
        break;
    }
    if (children->handover.state == HANDOVER_DRAINING && generation_has_ended(former))
        generation_bury_former(children);
}

unsigned generation_count_lagging(const struct children *children)
{
    unsigned count = 0;

    WORKERS_FOREACH (worker, children)
        count += progress_is_due(worker);
    return count;
}

/* ---- life ---- */

void generation_init(struct children *children)
{
    children->handover.step.run = generation_step;
    deadline_init(&children->handover.limit, children->loop, generation_on_limit);
    hold_init(&children->handover.hold, children->loop, generation_describe);
}

void generation_free(struct children *children)
{
    struct handover *handover = &children->handover;

    deadline_stop(&handover->limit);
    loop_cancel(children->loop, &handover->step);
    generation_free_workers(&handover->former);
    generation_free_workers(&children->present);
    hold_set(&handover->hold, 0);
}
