/* SPDX-License-Identifier: MIT */
/* The rings by which workers hand lines on (cells/ring.h), as the supervisor keeps them: each lives
 * until it is read to its end, whatever becomes of its writer and its reader. */
#ifndef LOGS_RINGS_H
#define LOGS_RINGS_H

#include "ipc/tally.h"
#include "ipc/wire.h"

#include <sys/queue.h>

#define LOG_RING_ENDED UINT32_MAX

/* Most rings without a writer: should nobody read them, memory has a bound. All workers of both
 * generations may end before the first of their rings is read. */
#define LOG_RINGS_ENDED_MAX TALLY_COLUMNS

struct log_ring {
    TAILQ_ENTRY(log_ring) next;
    uint32_t number;    /* never another's */
    uint32_t column;    /* of the tally: its writer's; LOG_RING_ENDED: that one has ended */
    int descriptors[2]; /* as RING has them */
};

/* Embedded by its owner. */
struct log_rings {
    TAILQ_HEAD(, log_ring) all; /* in the order of their numbers */
    uint32_t last;
};

void log_rings_init(struct log_rings *rings);
void log_rings_free(struct log_rings *rings);

/* The ring of the writer of that column; NULL: it has none. */
struct log_ring *log_rings_find(const struct log_rings *rings, uint32_t column);
/* A new one for that writer. NULL with errno. */
struct log_ring *log_rings_add(struct log_rings *rings, uint32_t column);
/* The writer has ended. Returns its ring, or NULL. It stays until it is removed, or given up for
 * one that ends later. */
struct log_ring *log_rings_end(struct log_rings *rings, uint32_t column);
/* It is read to its end; that it has been given up meanwhile does not matter. Returns false when
 * that cannot be: its writer goes on, or there never was such a one. */
bool log_rings_remove(struct log_rings *rings, uint32_t number);

/* For the next binary. */
void log_rings_put(struct wire_writer *writer, const struct log_rings *rings);
/* Into an empty one. The reader tells whether it has failed. Descriptors are numbers that nothing
 * was done with. */
void log_rings_get(struct wire_reader *reader, struct log_rings *rings);
void log_rings_each_descriptor(struct log_rings *rings, void (*act)(int *fd, void *context),
                               void *context);

#endif
