/* SPDX-License-Identifier: MIT */
/* A share's gate: shut while the share holds more than it may, but for a few streams at a time. */
#include "gate_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/deadline.h"

#include <math.h>
#include <stdlib.h>

/* Seconds between two looks at who goes on all the same, and for how long they may. */
#define PASS_SECONDS 0.005
#define PASS_MOST    1.0
/* How many go on at a time: one for each so many bytes of the bound. */
#define PASS_SHARE ((size_t)1024 * 1024)
#define PASS_COUNT 16
/* Bytes that one which goes on alone may add. */
#define PASS_GROWTH ((size_t)32 * 1024)
/* Clients that go on one after the other before a server does, if what they say adds nothing. */
#define PASS_CLIENTS 16
/* Seconds between two times that the owner is told. */
#define TELL_SECONDS 0.1

TAILQ_HEAD(gate_waiters, gate_waiter);

struct gate {
    struct loop_share *share;
    struct account *account;
    struct gate_waiters clients; /* those that wait, the longest first */
    struct gate_waiters servers;
    struct gate_waiters passing; /* those that go on all the same */
    double passing_since;        /* loop_now() */
    size_t passing_from;         /* what was held then */
    unsigned clients_in_a_row;   /* how many went on since a server did */
    struct loop_task changed;
    struct deadline next;
    double told; /* loop_now() when the owner was last told */
    const struct gate_events *events;
    void *owner;
};

/* ---- those who wait ---- */

static struct gate_waiters *queue_of(struct gate *gate, const struct gate_waiter *waiter)
{
    return waiter->is_client ? &gate->clients : &gate->servers;
}

static bool is_empty(const struct gate *gate)
{
    return TAILQ_EMPTY(&gate->clients) && TAILQ_EMPTY(&gate->servers);
}

static void wake(struct gate *gate, struct gate_waiter *waiter)
{
    TAILQ_REMOVE(queue_of(gate, waiter), waiter, next);
    waiter->place = GATE_NOWHERE;
    waiter->held_until = loop_now(gate->share->loop);
    waiter->go_on(waiter);
}

static void wake_all(struct gate *gate)
{
    struct gate_waiter *waiter;

    while ((waiter = TAILQ_FIRST(&gate->clients)) || (waiter = TAILQ_FIRST(&gate->servers)))
        wake(gate, waiter);
}

static void stop_passing(struct gate *gate)
{
    struct gate_waiter *waiter;

    while ((waiter = TAILQ_FIRST(&gate->passing)))
        gate_forget(gate->share, waiter);
    gate->passing_since = -INFINITY;
}

/* So far beyond the bound that each takes its turn alone. */
static bool is_dire(const struct gate *gate)
{
    return gate->account->held > gate->account->most + gate->account->most / 8;
}

/* Whether what those read that went on is still held: the next ones wait for it. */
static bool is_their_turn(const struct gate *gate)
{
    return gate->account->held > gate->passing_from &&
           loop_now(gate->share->loop) < gate->passing_since + PASS_MOST;
}

/* Who is next: clients and servers by turns, for each may be what the other waits for. But what
 * clients say that adds nothing is heard quickly: it may be a window, and a client that does not
 * open one is known to stand only once it was heard. */
static struct gate_waiter *choose(struct gate *gate, bool may_repeat)
{
    struct gate_waiter *client = TAILQ_FIRST(&gate->clients);
    struct gate_waiter *server = TAILQ_FIRST(&gate->servers);
    bool is_clients = gate->clients_in_a_row < (may_repeat ? PASS_CLIENTS : 1);
    struct gate_waiter *next = (is_clients && client) || !server ? client : server;

    gate->clients_in_a_row = next && next->is_client ? gate->clients_in_a_row + 1 : 0;
    return next;
}

static void let_some_pass(struct gate *gate)
{
    size_t count = is_dire(gate) ? 1 : 1 + gate->account->most / PASS_SHARE;
    bool may_repeat = gate->account->held <= gate->passing_from;
    struct gate_waiter *waiter;

    if (is_their_turn(gate))
        return;
    stop_passing(gate);
    gate->passing_since = loop_now(gate->share->loop);
    gate->passing_from = gate->account->held;
    for (count = count < PASS_COUNT ? count : PASS_COUNT;
         count > 0 && (waiter = choose(gate, may_repeat)); count--) {
        may_repeat = false;
        wake(gate, waiter);
        waiter->place = GATE_PASSING;
        TAILQ_INSERT_TAIL(&gate->passing, waiter, next);
    }
}

/* Whether one that goes on has not had enough yet. */
static bool may_pass_on(struct gate *gate, struct gate_waiter *waiter)
{
    if (!is_dire(gate) || gate->account->held <= gate->passing_from + PASS_GROWTH)
        return true;
    gate_forget(gate->share, waiter);
    return false;
}

static void await(struct gate *gate, struct gate_waiter *waiter)
{
    double soon = loop_now(gate->share->loop) + PASS_SECONDS;

    waiter->place = GATE_WAITING;
    TAILQ_INSERT_TAIL(queue_of(gate, waiter), waiter, next);
    if (!deadline_is_set(&gate->next) || gate->next.at > soon)
        deadline_set(&gate->next, PASS_SECONDS);
}

bool gate_lets_pass(struct loop_share *share, struct gate_waiter *waiter)
{
    struct gate *gate = share->gate;

    if (!gate || !gate->account->is_over ||
        (waiter->place == GATE_PASSING && may_pass_on(gate, waiter)))
        return true;
    if (waiter->place == GATE_NOWHERE)
        await(gate, waiter);
    return false;
}

void gate_forget(struct loop_share *share, struct gate_waiter *waiter)
{
    struct gate *gate = share->gate;

    if (waiter->place == GATE_NOWHERE)
        return;
    TAILQ_REMOVE(waiter->place == GATE_WAITING ? queue_of(gate, waiter) : &gate->passing, waiter,
                 next);
    waiter->place = GATE_NOWHERE;
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
    deadline_set(&gate->next, is_empty(gate) ? TELL_SECONDS : PASS_SECONDS);
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

/* Nobody waits any more. */
static void gate_free(struct gate *gate)
{
    deadline_stop(&gate->next);
    loop_cancel(gate->share->loop, &gate->changed);
    free(gate);
}

static void gate_make(struct loop_share *share)
{
    struct gate *gate = memory_zeroed(1, sizeof(*gate));
    struct loop_share *before = loop_enter(share->loop, share);

    gate->share = share;
    gate->account = share->account;
    gate->changed.run = on_changed;
    TAILQ_INIT(&gate->clients);
    TAILQ_INIT(&gate->servers);
    TAILQ_INIT(&gate->passing);
    gate->passing_since = gate->told = -INFINITY;
    deadline_init(&gate->next, share->loop, on_next);
    loop_leave(share->loop, before);
    share->account->on_change = on_change;
    share->account->owner = gate;
    share->gate = gate;
    share->gate_free = gate_free;
}

void gate_bound(struct loop_share *share, size_t most, const struct gate_events *events,
                void *owner)
{
    if (!share->gate && most == ACCOUNT_UNBOUNDED)
        return;
    if (!share->gate)
        gate_make(share);
    share->gate->events = events;
    share->gate->owner = owner;
    account_bound(share->account, most);
}

void gate_disown(struct loop_share *share)
{
    if (share->gate)
        share->gate->events = NULL;
}
