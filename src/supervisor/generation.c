/* SPDX-License-Identifier: MIT */
/* From one generation of workers to the next: started beside the old one, which then drains. */
#include "generation_internal.h"

#include "deliveries_internal.h"
#include "supervisor_internal.h"
#include "workers_internal.h"

#include "base/container_of.h"
#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION_GRACE                                                                           \
    1.0 /* seconds after the time to drain until who has not ended is killed                       \
         */

static void generation_set_state(struct supervisor *supervisor, enum handover_state state)
{
    struct handover *handover = &supervisor->handover;

    assert(!handover->former.workers == (state == HANDOVER_NONE));
    log_debug("handover: state %d to %d", (int)handover->state, (int)state);
    handover->state = state;
}

/* ---- all workers ---- */

struct child *generation_first(const struct supervisor *supervisor)
{
    return supervisor->worker_count > 0 ? &supervisor->workers[0]
                                        : supervisor->handover.former.workers;
}

struct child *generation_next(const struct supervisor *supervisor, const struct child *worker)
{
    const struct generation *former = &supervisor->handover.former;
    unsigned next = worker->index + 1;

    if (worker->is_former)
        return next < former->count ? &former->workers[next] : NULL;
    return next < supervisor->worker_count ? &supervisor->workers[next] : former->workers;
}

static bool generation_has_ended(const struct child *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].pid > 0)
            return false;
    }
    return true;
}

/* ---- what they are told ---- */

static void generation_send_drain(const struct child *worker, double seconds, bool when_alone)
{
    const struct ipc_drain body = {ipc_milliseconds(seconds), when_alone};

    if (child_is_up(worker))
        ipc_send_drain(worker->channel, IPC_DRAIN, &body, NULL);
}

static double generation_drain_time(const struct supervisor *supervisor)
{
    return supervisor->settings->model.worker_shutdown_timeout;
}

void generation_tell_limit(const struct supervisor *supervisor, const struct child *worker)
{
    generation_send_drain(worker, generation_drain_time(supervisor), true);
}

void generation_drain(struct supervisor *supervisor, double seconds)
{
    struct child *worker;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        if (!worker->is_former || supervisor->handover.state != HANDOVER_DRAINING)
            generation_send_drain(worker, seconds, false);
    }
}

/* Counted from the drain's begin, so that a reload in between gives nobody more time. */
static void generation_drain_former(struct supervisor *supervisor)
{
    struct handover *handover = &supervisor->handover;
    double until = handover->drains_since + generation_drain_time(supervisor);
    double seconds;

    if (until >= handover->drains_until)
        return;
    handover->drains_until = until;
    seconds = generation_drain_left(supervisor);
    for (unsigned i = 0; i < handover->former.count; i++) {
        struct child *worker = &handover->former.workers[i];

        generation_send_drain(worker, seconds, false);
        if (child_is_up(worker) && worker->drained == 0)
            worker->drained = heartbeat_ask(worker);
    }
    ev_timer_stop(supervisor->loop.ev, &handover->limit);
    ev_timer_set(&handover->limit, seconds + GENERATION_GRACE, 0.);
    ev_timer_start(supervisor->loop.ev, &handover->limit);
}

double generation_drain_left(const struct supervisor *supervisor)
{
    const struct handover *handover = &supervisor->handover;
    double left = handover->drains_until - loop_now(&supervisor->loop);

    return handover->state == HANDOVER_DRAINING && left > 0. ? left : 0.;
}

static void generation_on_limit(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    const struct generation *former = &supervisor->handover.former;

    (void)events;
    ev_timer_stop(ev, timer);
    log_warn("old workers do not end, killing them");
    for (unsigned i = 0; i < former->count; i++)
        child_signal(&former->workers[i], SIGKILL);
}

/* ---- starting ---- */

static bool generation_has_identity(const struct supervisor *supervisor)
{
    const struct cage_identity *a = &supervisor->identity;
    const struct cage_identity *b = &supervisor->settings->identity;

    return a->keep ||
           (a->user == b->user && a->group == b->group && a->group_count == b->group_count &&
            memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0);
}

static void generation_start_present(struct supervisor *supervisor)
{
    const struct handover *handover = &supervisor->handover;
    unsigned count = settings_workers(supervisor->settings);
    struct record *record;
    struct record *next;

    if (child_is_up(&supervisor->resolver) && !generation_has_identity(supervisor))
        child_dismiss(&supervisor->resolver); /* the next one will be whom it should be */
    supervisor_set_identity(supervisor);
    supervisor->half = handover->state == HANDOVER_NONE ? 0 : 1 - handover->former.half;
    supervisor->workers = memory_zeroed(count, sizeof(supervisor->workers[0]));
    supervisor->worker_count = count;
    supervisor->generation++;
    tally_set_workers(supervisor->tally, supervisor->half, count);
    for (unsigned i = 0; i < count; i++) {
        child_init(&supervisor->workers[i], supervisor, ROLE_WORKER, i);
        supervisor->workers[i].half = supervisor->half;
    }
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        if (record_is_in_force(record))
            workers_assign(supervisor, record);
    }
    for (unsigned i = 0; i < count; i++)
        child_start(&supervisor->workers[i]);
}

void generation_inherit(struct supervisor *supervisor, const struct generation *former)
{
    for (unsigned i = 0; i < former->count; i++) {
        former->workers[i].is_former = true;
        former->workers[i].is_stopping = true;
        former->workers[i].half = former->half;
    }
    supervisor->handover.former = *former;
    generation_set_state(supervisor, HANDOVER_PREPARING);
}

void generation_start(struct supervisor *supervisor)
{
    struct generation present = {supervisor->workers, supervisor->worker_count, supervisor->half};

    if (present.workers) {
        assert(supervisor->handover.state == HANDOVER_NONE);
        workers_forget_all(supervisor);
        supervisor->workers = NULL;
        supervisor->worker_count = 0;
        generation_inherit(supervisor, &present);
        log_notice("starting %u workers in place of %u", settings_workers(supervisor->settings),
                   present.count);
    }
    generation_start_present(supervisor);
}

/* ---- changes ---- */

static bool generation_is_as_wanted(const struct supervisor *supervisor)
{
    return settings_workers(supervisor->settings) == supervisor->worker_count &&
           generation_has_identity(supervisor);
}

/* It has not served: nobody misses it. */
static void generation_replace_present(struct supervisor *supervisor)
{
    log_notice("the new workers have not served yet, others are started instead");
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        supervisor->workers[i].is_stopping = true;
        child_signal(&supervisor->workers[i], SIGKILL);
    }
    generation_set_state(supervisor, HANDOVER_REPLACING);
    generation_advance(supervisor);
}

void generation_follow_settings(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        generation_tell_limit(supervisor, &supervisor->workers[i]);
    if (supervisor->handover.state == HANDOVER_DRAINING)
        generation_drain_former(supervisor);
    if (generation_is_as_wanted(supervisor))
        return;
    switch (supervisor->handover.state) {
    case HANDOVER_NONE:
        generation_start(supervisor);
        break;
    case HANDOVER_PREPARING:
        generation_replace_present(supervisor);
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
static bool generation_can_serve(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        if (supervisor->workers[i].state != CHILD_READY)
            return false;
    }
    return workers_are_settled(supervisor);
}

static void generation_hand_over(struct supervisor *supervisor)
{
    log_notice("%u new workers serve, the old ones drain", supervisor->worker_count);
    generation_set_state(supervisor, HANDOVER_DRAINING);
    supervisor->handover.drains_since = loop_now(&supervisor->loop);
    supervisor->handover.drains_until = INFINITY;
    generation_drain_former(supervisor);
}

/* One that is dead may still wait for its next start. */
static void generation_free_workers(struct child *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        child_close(&workers[i]);
        deliveries_close(&workers[i]);
    }
    free(workers);
}

static void generation_bury_former(struct supervisor *supervisor)
{
    struct handover *handover = &supervisor->handover;

    log_info("the old workers have ended");
    ev_timer_stop(supervisor->loop.ev, &handover->limit);
    tally_set_workers(supervisor->tally, handover->former.half, 0);
    generation_free_workers(handover->former.workers, handover->former.count);
    handover->former = (struct generation){0};
    generation_set_state(supervisor, HANDOVER_NONE);
    if (!generation_is_as_wanted(supervisor))
        generation_start(supervisor);
}

static void generation_replace(struct supervisor *supervisor)
{
    workers_forget_all(supervisor);
    generation_free_workers(supervisor->workers, supervisor->worker_count);
    generation_set_state(supervisor, HANDOVER_PREPARING);
    generation_start_present(supervisor);
}

static void generation_step(struct supervisor *supervisor)
{
    const struct generation *former = &supervisor->handover.former;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    switch (supervisor->handover.state) {
    case HANDOVER_NONE:
        return;
    case HANDOVER_PREPARING:
        if (generation_can_serve(supervisor))
            generation_hand_over(supervisor);
        break;
    case HANDOVER_REPLACING:
        if (generation_has_ended(supervisor->workers, supervisor->worker_count))
            generation_replace(supervisor);
        break;
    case HANDOVER_DRAINING:
        break;
    }
    if (supervisor->handover.state == HANDOVER_DRAINING &&
        generation_has_ended(former->workers, former->count))
        generation_bury_former(supervisor);
    reload_advance(&supervisor->reload);
}

static void generation_on_step(struct loop_task *task)
{
    generation_step(CONTAINER_OF(task, struct supervisor, handover.step));
}

void generation_advance(struct supervisor *supervisor)
{
    if (supervisor->handover.state != HANDOVER_NONE)
        loop_defer(&supervisor->loop, &supervisor->handover.step);
}

static bool generation_has_heard(const struct child *former)
{
    return !child_is_up(former) || former->heartbeat.answered >= former->drained;
}

unsigned generation_count_lagging(const struct supervisor *supervisor)
{
    const struct child *worker;
    unsigned count = 0;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        if (worker->is_former ? !generation_has_heard(worker)
                              : worker->state != CHILD_READY || !worker_is_settled(worker))
            count++;
    }
    return count;
}

bool generation_is_settled(const struct supervisor *supervisor)
{
    const struct handover *handover = &supervisor->handover;

    for (unsigned i = 0; i < handover->former.count; i++) {
        if (!generation_has_heard(&handover->former.workers[i]))
            return false;
    }
    return handover->state == HANDOVER_NONE || handover->state == HANDOVER_DRAINING;
}

/* ---- life ---- */

void generation_init(struct supervisor *supervisor)
{
    supervisor->handover.step.run = generation_on_step;
    ev_timer_init(&supervisor->handover.limit, generation_on_limit, 0., 0.);
    supervisor->handover.limit.data = supervisor;
}

void generation_free(struct supervisor *supervisor)
{
    struct handover *handover = &supervisor->handover;

    ev_timer_stop(supervisor->loop.ev, &handover->limit);
    loop_cancel(&supervisor->loop, &handover->step);
    generation_free_workers(handover->former.workers, handover->former.count);
    generation_free_workers(supervisor->workers, supervisor->worker_count);
}
