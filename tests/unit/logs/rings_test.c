/* SPDX-License-Identifier: MIT */
/* Rings: one for each writer, kept until they are read, and bounded. */
#include "logs/rings.h"

#include "cells/ring.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

Test(rings, are_kept_until_they_are_read)
{
    struct log_rings rings;
    struct log_ring *ring;

    log_rings_init(&rings);
    cr_assert_null(log_rings_find(&rings, 3));
    ring = log_rings_add(&rings, 3);
    cr_assert_not_null(ring);
    cr_assert_eq(log_rings_find(&rings, 3), ring);
    cr_assert_not(log_rings_remove(&rings, ring->number), "it is written to");
    cr_assert_eq(log_rings_end(&rings, 3), ring);
    cr_assert_null(log_rings_end(&rings, 3));
    cr_assert_null(log_rings_find(&rings, 3), "the next writer there has its own");
    cr_assert_gt(log_rings_add(&rings, 3)->number, ring->number);
    cr_assert(log_rings_remove(&rings, 1));
    cr_assert_eq(TAILQ_FIRST(&rings.all)->number, 2);
    cr_assert(log_rings_remove(&rings, 1), "it may have been given up meanwhile");
    cr_assert_not(log_rings_remove(&rings, 0), "there never was such a one");
    cr_assert_not(log_rings_remove(&rings, 3), "there is no such one yet");
    log_rings_free(&rings);
    cr_assert(TAILQ_EMPTY(&rings.all));
}

Test(rings, that_nobody_reads_are_few)
{
    struct log_rings rings;
    const struct log_ring *ring;
    unsigned count = 0;

    log_rings_init(&rings);
    for (uint32_t i = 0; i < LOG_RINGS_ENDED_MAX + 3; i++) {
        cr_assert_not_null(log_rings_add(&rings, i));
        log_rings_end(&rings, i);
    }
    TAILQ_FOREACH (ring, &rings.all, next)
        count++;
    cr_assert_eq(count, LOG_RINGS_ENDED_MAX);
    cr_assert_eq(TAILQ_FIRST(&rings.all)->number, 4, "the first ones are lost");
    log_rings_free(&rings);
}

/* Whatever its number, it is not the one that goes. */
Test(rings, the_one_that_ends_is_kept)
{
    struct log_rings rings;
    const struct log_ring *ring;

    log_rings_init(&rings);
    for (uint32_t i = 0; i < LOG_RINGS_ENDED_MAX + 1; i++)
        cr_assert_not_null(log_rings_add(&rings, i));
    for (uint32_t i = LOG_RINGS_ENDED_MAX; i > 0; i--)
        cr_assert_eq(log_rings_end(&rings, i)->number, i + 1);
    cr_assert_eq(log_rings_end(&rings, 0)->number, 1);
    cr_assert_eq(TAILQ_FIRST(&rings.all)->number, 1);
    ring = TAILQ_NEXT(TAILQ_FIRST(&rings.all), next);
    cr_assert_eq(ring->number, 3, "the first of the others is lost");
    cr_assert(log_rings_remove(&rings, 2), "its reader cannot know");
    log_rings_free(&rings);
}

static void count(int *fd, void *context)
{
    cr_assert_geq(fcntl(*fd, F_GETFD), 0);
    ++*(unsigned *)context;
}

static void forget(int *fd, void *context)
{
    (void)context;
    *fd = -1;
}

Test(rings, come_along_to_the_next_binary)
{
    struct log_rings rings, next;
    struct wire_writer writer;
    struct wire_reader reader;
    unsigned descriptors = 0;

    log_rings_init(&rings);
    log_rings_add(&rings, 1);
    log_rings_add(&rings, 2);
    log_rings_end(&rings, 1);
    log_rings_each_descriptor(&rings, count, &descriptors);
    cr_assert_eq(descriptors, 4);
    wire_writer_init(&writer);
    log_rings_put(&writer, &rings);
    for (size_t len = 0; len < writer.len; len++) {
        log_rings_init(&next);
        wire_reader_init(&reader, slice_head(wire_written(&writer), len));
        log_rings_get(&reader, &next);
        cr_assert(reader.failed);
        log_rings_each_descriptor(&next, forget, NULL);
        log_rings_free(&next);
    }
    log_rings_init(&next);
    wire_reader_init(&reader, wire_written(&writer));
    log_rings_get(&reader, &next);
    cr_assert_eq(wire_finish(&reader), 0);
    cr_assert_eq(log_rings_find(&next, 2)->number, 2);
    cr_assert_eq(next.last, 2);
    cr_assert_eq(TAILQ_FIRST(&next.all)->column, LOG_RING_ENDED);
    log_rings_each_descriptor(&next, forget, NULL);
    log_rings_free(&next);
    log_rings_free(&rings);
    wire_writer_free(&writer);
}
