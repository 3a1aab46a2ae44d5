/* SPDX-License-Identifier: MIT */
/* PING and PONG, counted in ticks of our own loop: a supervisor that was itself stopped, or that
 * was busy, has ticked less, and blames nobody for it. */
#include "heartbeat_internal.h"
#include "progress_internal.h"

#include "base/log.h"

/* Ticks, a second each. */
#define HEARTBEAT_CHILD    5  /* without an answer */
#define HEARTBEAT_STARTING 10 /* without READY */
#define HEARTBEAT_PATIENT  20 /* over a bundle that a resolver has already died or hung over */

uint64_t child_ping(struct child *child)
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
    progress_note(child);
    return child->events->on_pong ? child->events->on_pong(child, body.serial) : 0;
}

static unsigned heartbeat_limit(const struct child *child)
{
    if (child->state != CHILD_READY)
        return HEARTBEAT_STARTING;
    return child->events->is_patient && child->events->is_patient(child) ? HEARTBEAT_PATIENT
                                                                         : HEARTBEAT_CHILD;
}

/* One question at a time, so that none pile up before one who does not read. */
void heartbeat_beat(struct child *child)
{
    struct heartbeat *heartbeat = &child->heartbeat;
    char name[32];

    if (!child_is_up(child) || heartbeat->is_hung)
        return;
    if (heartbeat->silence >= heartbeat_limit(child)) {
        child_name(child, name);
        log_error("%s does not answer, killing it", name);
        child_kill_hung(child);
        return;
    }
    heartbeat->silence++;
    if (child->state == CHILD_READY && heartbeat->asked == heartbeat->answered)
        (void)child_ping(child);
}
