/* SPDX-License-Identifier: MIT */
/* Who waits at a share's gate. */
#ifndef IO_GATE_INTERNAL_H
#define IO_GATE_INTERNAL_H

#include "io/gate.h"

/* Embedded by who reads, who fills go_on, is_client and held_until. Zeroed otherwise. */
struct gate_waiter {
    TAILQ_ENTRY(gate_waiter) next;
    enum { GATE_NOWHERE, GATE_WAITING, GATE_PASSING } place;
    bool is_client;
    double held_until; /* loop_now() when it last waited; -INFINITY: never */
    /* It need not wait any more, if it still wants to read. */
    void (*go_on)(struct gate_waiter *waiter);
};

/* Whether bytes may be read. If not, the waiter waits, and is told to go on. */
bool gate_lets_pass(struct loop_share *share, struct gate_waiter *waiter);

/* It reads no more. */
void gate_forget(struct loop_share *share, struct gate_waiter *waiter);

#endif
