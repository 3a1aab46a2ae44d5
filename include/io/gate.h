/* SPDX-License-Identifier: MIT */
/* What a share may hold of memory. Beyond its bound the share's streams are not read, on either
 * side: who would be told of bytes waits here, in order. What is held goes as it is written or
 * given up, and when an eighth of the bound is free, all are told.
 *
 * What is held may be waiting for what is not read (the rest of a request, a window): so a few
 * streams at a time go on all the same, those that have waited for longest, and make place for the
 * next when what they read is not held any more, or after a second. */
#ifndef IO_GATE_H
#define IO_GATE_H

#include "io/loop.h"

/* What is beyond the bound: more was taken, or time has passed since it was last told. */
struct gate_events {
    void (*on_shut)(void *owner);
};

/* At most that many bytes from now on; ACCOUNT_UNBOUNDED: any number. Not for the loop's own share.
 */
void gate_bound(struct loop_share *share, size_t most);

/* on_shut is called when the bound is passed and, while it is, a few times a second: for giving
 * back what can be done without. events must outlive the share; NULL: nobody is told any more. */
void gate_set_owner(struct loop_share *share, const struct gate_events *events, void *owner);

/* What the share holds; NULL for the loop's own. */
const struct account *gate_account(const struct loop_share *share);

#endif
