/* SPDX-License-Identifier: MIT */
/* PING and PONG, counted in ticks of our own loop: a supervisor that was itself stopped, or that
 * was busy, has ticked less, and blames nobody for it. */
#include "heartbeat_internal.h"

#include "deliveries_internal.h"
#include "supervisor_internal.h"

#include <signal.h>

/* Ticks, a second each. */
#define HEARTBEAT_CHILD    5  /* without an answer */
#define HEARTBEAT_STARTING 10 /* without READY */
#define HEARTBEAT_SUSPECT  20 /* over a bundle that a resolver has already died or hung over */

void heartbeat_reset(struct child *child)
{
    child->heartbeat = (struct heartbeat){0};
}

uint64_t heartbeat_ask(struct child *child)
{
    uint64_t number = ++child->heartbeat.asked;

    ipc_send_serial(child->channel, IPC_PING, &(struct ipc_serial){number}, NULL);
    return number;
}

int heartbeat_on_answer(struct child *child, struct ipc_received *received)
{
    struct heartbeat *heartbeat = &child->heartbeat;
    struct ipc_serial body;

    if (ipc_get_serial(&received->body, &body) != 0 || body.serial != heartbeat->answered + 1 ||
        body.serial > heartbeat->asked)
        return ERROR_IPC;
    heartbeat->answered = body.serial;
    heartbeat->silence = 0;
    return child->role == ROLE_WORKER ? deliveries_check_committed(child, body.serial) : 0;
}

static unsigned heartbeat_limit(const struct child *child)
{
    if (child->state != CHILD_READY)
        return HEARTBEAT_STARTING;
    return child->role == ROLE_RESOLVER &&
                   examiner_is_of_suspect(&child->supervisor->reload.examiner)
               ? HEARTBEAT_SUSPECT
               : HEARTBEAT_CHILD;
}

static void heartbeat_kill(struct child *child)
{
    char name[32];

    child_name(child, name);
    log_error("%s does not answer, killing it", name);
    child->heartbeat.is_hung = true;
    child_signal(child, SIGKILL);
}

/* One question at a time, so that none pile up before one who does not read. */
static void heartbeat_beat(struct child *child)
{
    struct heartbeat *heartbeat = &child->heartbeat;

    if (!child_is_up(child) || heartbeat->is_hung)
        return;
    if (heartbeat->silence >= heartbeat_limit(child)) {
        heartbeat_kill(child);
        return;
    }
    heartbeat->silence++;
    if (child->state == CHILD_READY && heartbeat->asked == heartbeat->answered)
        (void)heartbeat_ask(child);
}

static void heartbeat_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    struct child *worker;

    (void)ev;
    (void)events;
    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker))
        heartbeat_beat(worker);
    heartbeat_beat(&supervisor->resolver);
}

void heartbeat_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->heartbeat, heartbeat_on_tick, 1., 1.);
    supervisor->heartbeat.data = supervisor;
}

void heartbeat_start(struct supervisor *supervisor)
{
    ev_timer_start(supervisor->loop.ev, &supervisor->heartbeat);
}

void heartbeat_stop(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->heartbeat);
}
