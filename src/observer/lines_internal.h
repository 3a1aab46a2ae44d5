/* SPDX-License-Identifier: MIT */
/* The readers of all rings: from there lines go to the outputs, at least once a second. */
#ifndef OBSERVER_LINES_INTERNAL_H
#define OBSERVER_LINES_INTERNAL_H

#include "outputs_internal.h"

#include "io/deadline.h"

#include <sys/queue.h>

#define LINES_INTERVAL 1.0 /* seconds between looks that nobody has asked for */

struct lines_ring;

/* Embedded by its owner. */
struct lines {
    struct loop *loop;
    struct outputs *outputs;
    TAILQ_HEAD(, lines_ring) rings;
    struct deadline tick;
    uint64_t dropped; /* for want of room in rings, since it was told that there are any */
    double lost;      /* loop_now() of the last of them */
};

void lines_init(struct lines *lines, struct loop *loop, struct outputs *outputs);
/* Reads what is there for the last time. */
void lines_free(struct lines *lines);

/* RING: owns wake, and maps fd, which stays the caller's. Returns 0, or -1 with errno. */
int lines_open(struct lines *lines, uint32_t number, int fd, int wake);
/* RING_END: it has been read to its end, and is no more. Returns whether there was one. */
bool lines_end(struct lines *lines, uint32_t number);

#endif
