/* SPDX-License-Identifier: MIT */
/* Who waits at a share's gate. */
#ifndef IO_GATE_INTERNAL_H
#define IO_GATE_INTERNAL_H

#include "base/account.h"
#include "io/deadline.h"
#include "io/gate.h"
#include "stream_internal.h"

struct gate {
    struct loop_share *share;
    struct account *account;
    struct gate_streams waiting; /* the longest first */
    struct gate_streams passing; /* those that go on all the same */
    double passing_since;        /* loop_now() */
    size_t passing_from;         /* what was held then */
    struct loop_task changed;
    struct deadline next;
    double told; /* loop_now() when the owner was last told */
    const struct gate_events *events;
    void *owner;
};

struct gate *gate_new(struct loop_share *share);
/* NULL is ignored. No stream waits any more. */
void gate_free(struct gate *gate);

/* Whether the stream's owner may be told of bytes. If not, it waits here. Handshakes go on. */
bool gate_lets_pass(struct stream *stream);

/* The stream reads no more. */
void gate_forget(struct stream *stream);

#endif
