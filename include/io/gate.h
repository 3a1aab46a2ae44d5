/* SPDX-License-Identifier: MIT */
/* What a share may hold of memory. Beyond its bound the share's streams are not read, on either
 * side: who would be told of bytes waits here, in order. What is held goes as it is written or
 * given up, and when an eighth of the bound is free, all are told.
 *
 * What is held may be waiting for what is not read (the rest of a request, a window): so a few
 * streams at a time go on all the same, clients and servers by turns, those that have waited for
 * longest, and make place for the next when what they read is not held any more, or after a second.
 * An eighth beyond the bound it is one at a time, and a buffer or two of it. */
#ifndef IO_GATE_H
#define IO_GATE_H

#include "io/loop.h"

/* What is beyond the bound: more was taken, or time has passed since it was last told. */
struct gate_events {
    void (*on_shut)(void *owner);
};

/* At most that many bytes from now on; ACCOUNT_UNBOUNDED: any number. Not for the loop's own share.
 * on_shut is called when the bound is passed and, while it is, a few times a second: for giving
 * back what can be done without. events must outlive the share. */
void gate_bound(struct loop_share *share, size_t most, const struct gate_events *events,
                void *owner);

/* The owner goes: nobody is told any more. */
void gate_disown(struct loop_share *share);

#endif
