/* SPDX-License-Identifier: MIT */
/* Lines on their way from one worker to the observer: a ring in memory that both map, with one
 * writer and one reader. No lock, and no system call but the one that wakes the reader when the
 * ring has become half full. A full ring drops the line and counts it. A line is there as a whole
 * or not at all, whenever the writer dies. Neither end trusts the other: whatever the memory says,
 * both stay inside of it, and a pass of the reader ends.
 *
 *     if (!ring_write(ring, destination, line)) it is dropped, and counted;
 *
 *     ring_begin(ring);                               one pass: what is there at this moment
 *     while (ring_read(ring, &line)) copy(line.destination, line.bytes);
 *     ring_release(ring);                             its room is the writer's again
 */
#ifndef CELLS_RING_H
#define CELLS_RING_H

#include "base/slice.h"

/* Bytes of the longest line; a longer one is dropped. */
#define RING_LINE_MAX (64u << 10)

/* Of all lines that lie in a ring, with what stands before each. */
#define RING_SIZE (1u << 20)

struct ring;

struct ring_line {
    uint32_t destination;
    /* Points into the ring: whoever wrote it may still change it. Look at no byte twice. */
    struct slice bytes;
};

/* The memory of a new, empty ring: a memfd of a sealed size. -1 with errno. */
int ring_file(void);

/* Maps it, for either end; fd is still the caller's, and may be closed. wake: an eventfd(2) that
 * does not block, by which the writer wakes the reader; the caller's, and open for as long as the
 * ring; -1: the reader looks by itself. NULL with errno. */
struct ring *ring_map(int fd, int wake);
void ring_unmap(struct ring *ring);

/* ---- the writer ---- */

/* destination < UINT32_MAX. Returns whether there was room. */
bool ring_write(struct ring *ring, uint32_t destination, struct slice line);

/* ---- the reader ---- */

/* Goes on where the last reader of this ring has released it, whoever that was. */
void ring_begin(struct ring *ring);
/* The next line of this pass. */
bool ring_read(struct ring *ring, struct ring_line *line);
/* All that was read may be overwritten. */
void ring_release(struct ring *ring);

/* Lines for which there was no room, since a reader of this ring was last told, whoever that was.
 */
uint64_t ring_take_dropped(struct ring *ring);

#endif
