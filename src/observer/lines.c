/* SPDX-License-Identifier: MIT */
/* Reads the rings: when a writer says that its own is half full, and once a second. */
#include "lines_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "cells/ring.h"

#include <stdlib.h>
#include <unistd.h>

struct lines_ring {
    TAILQ_ENTRY(lines_ring) next;
    struct lines *lines;
    uint32_t number;
    struct ring *ring;
    ev_io woken;
};

/* ---- what was dropped ---- */

static void lines_lose(struct lines *lines, uint64_t count)
{
    if (count == 0)
        return;
    if (lines->dropped == 0)
        log_error(
            "access logs: a worker's lines came faster than they were read, some are dropped");
    lines->dropped += count;
    lines->lost = loop_now(lines->loop);
}

static void lines_look(struct lines *lines)
{
    if (lines->dropped == 0 || loop_now(lines->loop) - lines->lost < OUTPUT_CALM)
        return;
    log_notice("access logs: all lines are read again, %llu were dropped",
               (unsigned long long)lines->dropped);
    lines->dropped = 0;
}

/* ---- reading ---- */

static void ring_pass(struct lines_ring *ring)
{
    struct ring_line line;

    ring_begin(ring->ring);
    while (ring_read(ring->ring, &line))
        outputs_put(ring->lines->outputs, line.destination, line.bytes);
    ring_release(ring->ring);
    lines_lose(ring->lines, ring_take_dropped(ring->ring));
}

static void ring_on_woken(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct lines_ring *ring = watcher->data;
    uint64_t count;

    (void)events;
    if (read(ring->woken.fd, &count, sizeof(count)) == 0)
        ev_io_stop(ev, &ring->woken); /* it is none that could ever wake us */
    ring_pass(ring);
    outputs_flush(ring->lines->outputs);
}

static void lines_on_tick(struct deadline *tick)
{
    struct lines *lines = CONTAINER_OF(tick, struct lines, tick);
    struct lines_ring *ring;

    TAILQ_FOREACH (ring, &lines->rings, next)
        ring_pass(ring);
    outputs_flush(lines->outputs);
    lines_look(lines);
    outputs_tell_dropped(lines->outputs);
    deadline_set(tick, LINES_INTERVAL);
}

/* ---- which there are ---- */

int lines_open(struct lines *lines, uint32_t number, int fd, int wake)
{
    struct ring *mapped = ring_map(fd, -1);
    struct lines_ring *ring;

    if (!mapped) {
        descriptor_close(wake);
        return -1;
    }
    ring = memory_zeroed(1, sizeof(*ring));
    ring->lines = lines;
    ring->number = number;
    ring->ring = mapped;
    ev_io_init(&ring->woken, ring_on_woken, wake, EV_READ);
    ring->woken.data = ring;
    ev_io_start(lines->loop->ev, &ring->woken);
    TAILQ_INSERT_TAIL(&lines->rings, ring, next);
    if (!deadline_is_set(&lines->tick))
        deadline_set(&lines->tick, LINES_INTERVAL);
    return 0;
}

static void ring_free(struct lines_ring *ring)
{
    ring_pass(ring);
    ev_io_stop(ring->lines->loop->ev, &ring->woken);
    close(ring->woken.fd);
    TAILQ_REMOVE(&ring->lines->rings, ring, next);
    ring_unmap(ring->ring);
    free(ring);
}

bool lines_end(struct lines *lines, uint32_t number)
{
    struct lines_ring *ring;

    TAILQ_FOREACH (ring, &lines->rings, next) {
        if (ring->number != number)
            continue;
        ring_free(ring);
        outputs_flush(lines->outputs);
        return true;
    }
    return false;
}

/* ---- life ---- */

void lines_init(struct lines *lines, struct loop *loop, struct outputs *outputs)
{
    *lines = (struct lines){.loop = loop, .outputs = outputs};
    TAILQ_INIT(&lines->rings);
    deadline_init(&lines->tick, loop, lines_on_tick);
}

void lines_free(struct lines *lines)
{
    while (!TAILQ_EMPTY(&lines->rings))
        ring_free(TAILQ_FIRST(&lines->rings));
    deadline_stop(&lines->tick);
}
