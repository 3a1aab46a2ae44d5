/* SPDX-License-Identifier: MIT */
/* Whether children still go on: each is asked every second, and killed when it stays silent. */
#ifndef SUPERVISOR_HEARTBEAT_INTERNAL_H
#define SUPERVISOR_HEARTBEAT_INTERNAL_H

#include "io/loop.h"
#include "ipc/channel.h"

struct child;
struct supervisor;

/* Embedded by each child. */
struct heartbeat {
    uint64_t asked;    /* number of the last PING; they count from 1 */
    uint64_t answered; /* number of the last PONG */
    unsigned silence;  /* ticks since it last gave a sign of life that was asked for */
    bool is_hung;      /* it gave none, and is killed */
};

void heartbeat_init(struct supervisor *supervisor);
void heartbeat_start(struct supervisor *supervisor);
void heartbeat_stop(struct supervisor *supervisor);

/* A child has been started. */
void heartbeat_reset(struct child *child);

/* Asks it out of turn, of a child that is up: whoever answers that number has taken all that was
 * sent before it. */
uint64_t heartbeat_ask(struct child *child);

/* A PONG. Returns 0, or ERROR_IPC for one that nobody asked for. */
int heartbeat_on_answer(struct child *child, struct ipc_received *received);

#endif
