/* SPDX-License-Identifier: MIT */
/* A deadline that is moved at every request and seldom met: moving it later is one store, no heap
 * operation and no system call; the timer behind it re-arms itself when it fires too early. */
#ifndef IO_DEADLINE_H
#define IO_DEADLINE_H

#include "io/loop.h"

/* Timers count from libev's clock, moments are read a little later from ours: what a timer finds
 * due within this many seconds is due. */
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
    ev_timer timer; /* ev_timer is monotonic: a jump of the clock moves nothing */
    struct loop *loop;
    double at; /* loop_now() seconds; 0: none */
    double armed_at;
    void (*on_expired)(struct deadline *deadline);
};

void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_expired)(struct deadline *deadline));

/* Expires after that many seconds from now (>= 0), in place of what was set before. */
void deadline_set(struct deadline *deadline, double seconds);

/* Expires never. The timer may stay armed and find nothing to do. */
void deadline_clear(struct deadline *deadline);
bool deadline_is_set(const struct deadline *deadline);

/* Must be called before the owner is freed. */
void deadline_stop(struct deadline *deadline);

#endif
