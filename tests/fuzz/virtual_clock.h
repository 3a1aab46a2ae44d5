/* SPDX-License-Identifier: MIT */
/* A clock for targets that run an event loop: it goes on at each look, by what the input says. So
 * the same input is always served in the same pieces, however busy the machine is. Linking the
 * library puts it in clock_gettime's place; libFuzzer and libev keep the real one. */
#ifndef VIRTUAL_CLOCK_H
#define VIRTUAL_CLOCK_H

/* From 100 ns at each look (pace 0), doubled by each pace, to 3.3 ms (pace 15), by when every task
 * is a piece of its own. */
#define VIRTUAL_CLOCK_PACES 16

void virtual_clock_set_pace(unsigned pace);

#endif
