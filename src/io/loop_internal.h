/* SPDX-License-Identifier: MIT */
/* What the files of the loop call of each other. */
#ifndef IO_LOOP_INTERNAL_H
#define IO_LOOP_INTERNAL_H

#include "io/loop.h"

/* pieces.c */
void loop_share_init(struct loop_share *share, struct loop *loop, uint32_t weight);
/* Whether anybody has work. */
bool loop_has_work(const struct loop *loop);
/* Serves shares until none has work, or for about a millisecond. */
void loop_work(struct loop *loop);
/* Runs all tasks and graves, but what defers itself for ever. */
void loop_finish(struct loop *loop);

/* clocks.c */
/* Seconds of CPU that this thread has used. A system call. */
double clocks_cpu(void);

/* Sets loop_now and loop_wall. */
void clocks_look(struct loop *loop);

/* deadline.c */
/* Queues deadlines that are over at their shares. */
void deadlines_collect(struct loop *loop);

#endif
