/* SPDX-License-Identifier: MIT */
/* A deadline that is moved at every request and seldom met: moving it later is one store, no heap
 * operation and no system call; it is armed again when its moment comes too early. One that is over
 * is queued at its share, behind what is ready there: what came in time is seen first. */
#ifndef IO_DEADLINE_H
#define IO_DEADLINE_H

#include "io/loop.h"

/* Moments are as exact as loop_now(): what is due within this many seconds is due. */
#define DEADLINE_SLACK 0.002

/* The earlier of two moments; 0 is none. */
static inline double deadline_earlier(double a, double b)
{
    if (a <= 0 || b <= 0)
        return a <= 0 ? b : a;
    return a < b ? a : b;
}

/* Embedded by its owner. */
struct deadline {
    struct heap_node armed; /* in the loop's heap: when it is looked at, not after `at` */
    struct loop_task due;
    struct loop *loop;
    struct loop_share *share;
    double at; /* loop_now() seconds; 0: none */
    void (*on_expired)(struct deadline *deadline);
};

/* Of the share at work. */
void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_expired)(struct deadline *deadline));

/* Expires after that many seconds from now (>= 0), in place of what was set before. */
void deadline_set(struct deadline *deadline, double seconds);

/* Expires never. It may stay armed and find nothing to do. */
void deadline_clear(struct deadline *deadline);
bool deadline_is_set(const struct deadline *deadline);

/* Must be called before the owner is freed. */
void deadline_stop(struct deadline *deadline);

#endif
