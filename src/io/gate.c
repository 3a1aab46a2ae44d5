/* SPDX-License-Identifier: MIT */
/* A share's gate: shut while the share holds more than it may, but for a few streams at a time. */
#include "gate_internal.h"

#include "base/container_of.h"
#include "base/memory.h"

#include <stdlib.h>

/* Seconds between two looks at who goes on all the same, and for how long they may. */
#define PASS_SECONDS 0.005
#define PASS_MOST    1.0
/* How many go on at a time: one for each so many bytes of the bound. */
#define PASS_SHARE ((size_t)1024 * 1024)
#define PASS_COUNT 16
/* Seconds between two times that the owner is told. */
#define TELL_SECONDS 0.1

/* ---- those who wait ---- */

static void wake(struct gate *gate, struct stream *stream)
{
    TAILQ_REMOVE(&gate->waiting, stream, at_gate);
    stream->gate_place = GATE_NOWHERE;
    stream->held_until = loop_now(stream->loop);
    stream_read_on(stream);
}

static void wake_all(struct gate *gate)
{
    struct stream *stream;

    while ((stream = TAILQ_FIRST(&gate->waiting)))
        wake(gate, stream);
}

static void stop_passing(struct gate *gate)
{
    struct stream *stream;

    while ((stream = TAILQ_FIRST(&gate->passing)))
        gate_forget(stream);
}

/* Whether those that go on may do so for longer: what they read is still held. */
static bool may_pass_on(const struct gate *gate)
{
    return !TAILQ_EMPTY(&gate->passing) && gate->account->held > gate->passing_from &&
           loop_now(gate->share->loop) < gate->passing_since + PASS_MOST;
}

static void let_some_pass(struct gate *gate)
{
    size_t count = 1 + gate->account->most / PASS_SHARE;
    struct stream *stream;

    if (may_pass_on(gate))
        return;
    stop_passing(gate);
    gate->passing_since = loop_now(gate->share->loop);
    gate->passing_from = gate->account->held;
    for (count = count < PASS_COUNT ? count : PASS_COUNT;
         count > 0 && (stream = TAILQ_FIRST(&gate->waiting)); count--) {
        wake(gate, stream);
        stream->gate_place = GATE_PASSING;
        TAILQ_INSERT_TAIL(&gate->passing, stream, at_gate);
    }
}

bool gate_lets_pass(struct stream *stream)
{
    struct gate *gate = stream->watch.share->gate;

    if (!gate || !gate->account->is_over || stream->gate_place == GATE_PASSING ||
        stream->state == STREAM_HANDSHAKE)
        return true;
    if (stream->gate_place == GATE_WAITING)
        return false;
    stream->gate_place = GATE_WAITING;
    TAILQ_INSERT_TAIL(&gate->waiting, stream, at_gate);
    if (!deadline_is_set(&gate->next) || gate->next.at > loop_now(stream->loop) + PASS_SECONDS)
        deadline_set(&gate->next, PASS_SECONDS);
    return false;
}

void gate_forget(struct stream *stream)
{
    struct gate *gate;

    if (stream->gate_place == GATE_NOWHERE)
        return;
    gate = stream->watch.share->gate;
    TAILQ_REMOVE(stream->gate_place == GATE_WAITING ? &gate->waiting : &gate->passing, stream,
                 at_gate);
    stream->gate_place = GATE_NOWHERE;
}

/* ---- shut and open ---- */

static void tell_owner(struct gate *gate)
{
    double now = loop_now(gate->share->loop);

    if (!gate->events || now < gate->told + TELL_SECONDS)
        return;
    gate->told = now;
    gate->events->on_shut(gate->owner);
}

static void stay_shut(struct gate *gate)
{
    tell_owner(gate);
    let_some_pass(gate);
    deadline_set(&gate->next, TAILQ_EMPTY(&gate->waiting) ? TELL_SECONDS : PASS_SECONDS);
}

static void on_next(struct deadline *deadline)
{
    struct gate *gate = CONTAINER_OF(deadline, struct gate, next);

    if (gate->account->is_over)
        stay_shut(gate);
}

static void on_changed(struct loop_task *task)
{
    struct gate *gate = CONTAINER_OF(task, struct gate, changed);

    stop_passing(gate);
    if (gate->account->is_over) {
        stay_shut(gate);
        return;
    }
    deadline_clear(&gate->next);
    wake_all(gate);
}

static void on_change(void *owner)
{
    struct gate *gate = owner;

    loop_ready(gate->share, &gate->changed);
}

/* ---- a gate's life ---- */

struct gate *gate_new(struct loop_share *share)
{
    struct gate *gate = memory_zeroed(1, sizeof(*gate));
    struct loop_share *before = loop_enter(share->loop, share);

    gate->share = share;
    gate->account = account_new(on_change, gate);
    gate->changed.run = on_changed;
    TAILQ_INIT(&gate->waiting);
    TAILQ_INIT(&gate->passing);
    deadline_init(&gate->next, share->loop, on_next);
    loop_leave(share->loop, before);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    deadline_stop(&gate->next);
    loop_cancel(gate->share->loop, &gate->changed);
    account_leave(gate->account);
    free(gate);
}

void gate_bound(struct loop_share *share, size_t most)
{
    account_bound(share->gate->account, most);
}

void gate_set_owner(struct loop_share *share, const struct gate_events *events, void *owner)
{
    share->gate->events = events;
    share->gate->owner = owner;
}

const struct account *gate_account(const struct loop_share *share)
{
    return share->gate ? share->gate->account : NULL;
}
