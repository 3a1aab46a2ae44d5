/* SPDX-License-Identifier: MIT */
/* The supervisor's list of rings. */
#include "logs/rings.h"

#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "cells/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

void log_rings_init(struct log_rings *rings)
{
    *rings = (struct log_rings){.last = 0};
    TAILQ_INIT(&rings->all);
}

static void ring_free(struct log_rings *rings, struct log_ring *ring)
{
    TAILQ_REMOVE(&rings->all, ring, next);
    descriptor_close(ring->descriptors[0]);
    descriptor_close(ring->descriptors[1]);
    free(ring);
}

void log_rings_free(struct log_rings *rings)
{
    while (!TAILQ_EMPTY(&rings->all))
        ring_free(rings, TAILQ_FIRST(&rings->all));
}

struct log_ring *log_rings_find(const struct log_rings *rings, uint32_t column)
{
    struct log_ring *ring;

    TAILQ_FOREACH (ring, &rings->all, next) {
        if (ring->column == column)
            return ring;
    }
    return NULL;
}

struct log_ring *log_rings_add(struct log_rings *rings, uint32_t column)
{
    int fd = ring_file();
    int wake = fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct log_ring *ring;

    if (wake < 0) {
        descriptor_close(fd);
        return NULL;
    }
    ring = memory_zeroed(1, sizeof(*ring));
    ring->number = ++rings->last;
    ring->column = column;
    ring->descriptors[0] = fd;
    ring->descriptors[1] = wake;
    TAILQ_INSERT_TAIL(&rings->all, ring, next);
    return ring;
}

/* For one more without a writer. */
static void rings_make_room(struct log_rings *rings)
{
    struct log_ring *ring, *first = NULL;
    unsigned count = 0;

    TAILQ_FOREACH (ring, &rings->all, next) {
        if (ring->column != LOG_RING_ENDED)
            continue;
        first = first ? first : ring;
        count++;
    }
    if (count < LOG_RINGS_ENDED_MAX)
        return;
    log_error("nobody reads what workers that have ended had to log: lines of the first are lost");
    ring_free(rings, first);
}

struct log_ring *log_rings_end(struct log_rings *rings, uint32_t column)
{
    struct log_ring *ring = log_rings_find(rings, column);

    if (!ring)
        return NULL;
    rings_make_room(rings);
    ring->column = LOG_RING_ENDED;
    return ring;
}

bool log_rings_remove(struct log_rings *rings, uint32_t number)
{
    struct log_ring *ring;

    TAILQ_FOREACH (ring, &rings->all, next) {
        if (ring->number != number)
            continue;
        if (ring->column != LOG_RING_ENDED)
            return false;
        ring_free(rings, ring);
        return true;
    }
    return number > 0 && number <= rings->last;
}

/* ---- for the next binary ---- */

#define RING_MIN (4 * 4) /* bytes that one takes */

void log_rings_put(struct wire_writer *writer, const struct log_rings *rings)
{
    const struct log_ring *ring;
    uint32_t count = 0;

    TAILQ_FOREACH (ring, &rings->all, next)
        count++;
    wire_put_u32(writer, rings->last);
    wire_put_u32(writer, count);
    TAILQ_FOREACH (ring, &rings->all, next) {
        wire_put_u32(writer, ring->number);
        wire_put_u32(writer, ring->column);
        wire_put_descriptor(writer, ring->descriptors[0]);
        wire_put_descriptor(writer, ring->descriptors[1]);
    }
}

void log_rings_get(struct wire_reader *reader, struct log_rings *rings)
{
    uint32_t before = 0;
    uint32_t count;

    rings->last = wire_get_u32(reader);
    count = wire_get_count(reader, RING_MIN);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        struct log_ring *ring = memory_zeroed(1, sizeof(*ring));

        ring->number = wire_get_u32(reader);
        ring->column = wire_get_u32(reader);
        ring->descriptors[0] = wire_get_descriptor(reader);
        ring->descriptors[1] = wire_get_descriptor(reader);
        wire_require(reader, ring->number > before && ring->number <= rings->last);
        before = ring->number;
        TAILQ_INSERT_TAIL(&rings->all, ring, next);
    }
}

void log_rings_each_descriptor(struct log_rings *rings, void (*act)(int *fd, void *context),
                               void *context)
{
    struct log_ring *ring;

    TAILQ_FOREACH (ring, &rings->all, next) {
        for (int i = 0; i < 2; i++) {
            if (ring->descriptors[i] >= 0)
                act(&ring->descriptors[i], context);
        }
    }
}
