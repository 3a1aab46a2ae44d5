/* SPDX-License-Identifier: MIT */
/* Rings are read when they are half full, once a second, and to their end. */
#include "lines_internal.h"

#include "cells/ring.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    struct loop loop;
    struct outputs outputs;
    struct lines lines;
    int file, ring, wake;
    struct ring *writer;
} rig;

static void rig_open(void)
{
    const struct ipc_destination body = {
        7, {.kind = LOG_TO_FILE, .identity = SLICE("file /a"), .tag = SLICE("")}};

    loop_init(&rig.loop);
    outputs_init(&rig.outputs, &rig.loop);
    lines_init(&rig.lines, &rig.loop, &rig.outputs);
    rig.file = memfd_create("test", MFD_CLOEXEC);
    rig.ring = ring_file();
    rig.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rig.writer = ring_map(rig.ring, rig.wake);
    cr_assert_not_null(rig.writer);
    outputs_open(&rig.outputs, &body, dup(rig.file));
}

static void rig_close(void)
{
    lines_free(&rig.lines);
    outputs_free(&rig.outputs);
    ring_unmap(rig.writer);
    loop_free(&rig.loop);
}

TestSuite(lines, .init = rig_open, .fini = rig_close);

static off_t written(void)
{
    return lseek(rig.file, 0, SEEK_END);
}

Test(lines, are_there_after_a_moment)
{
    cr_assert_eq(lines_open(&rig.lines, 1, rig.ring, dup(rig.wake)), 0);
    cr_assert(ring_write(rig.writer, 7, SLICE("a line\n")));
    for (int i = 0; i < 10000 && written() == 0; i++) {
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    cr_assert_eq(written(), 7);
}

Test(lines, wake_who_reads_them)
{
    static char line[4096];
    unsigned count = 0;

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';
    cr_assert_eq(lines_open(&rig.lines, 1, rig.ring, dup(rig.wake)), 0);
    for (; count < RING_SIZE / sizeof(line) / 2 + 2; count++)
        cr_assert(ring_write(rig.writer, 7, (struct slice){line, sizeof(line)}));
    for (int i = 0; i < 100 && written() == 0; i++)
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(written(), (off_t)(count * sizeof(line)));
}

Test(lines, are_read_to_the_end)
{
    cr_assert(ring_write(rig.writer, 7, SLICE("before\n")));
    cr_assert_eq(lines_open(&rig.lines, 3, rig.ring, dup(rig.wake)), 0);
    cr_assert(ring_write(rig.writer, 7, SLICE("last\n")));
    cr_assert_not(lines_end(&rig.lines, 2));
    cr_assert(lines_end(&rig.lines, 3));
    cr_assert_not(lines_end(&rig.lines, 3));
    cr_assert_eq(written(), 12);
}

Test(lines, that_were_dropped_are_told)
{
    cr_assert_eq(lines_open(&rig.lines, 1, rig.ring, dup(rig.wake)), 0);
    while (ring_write(rig.writer, 7, SLICE("a line of some length, so that the ring fills\n")))
        continue;
    cr_assert(lines_end(&rig.lines, 1));
    cr_assert_eq(rig.lines.dropped, 1);
}

static void on_dropped(void *owner, uint32_t count)
{
    *(uint64_t *)owner += count;
}

/* Those that outputs drop: of a ring its writer counts them. */
Test(lines, that_go_nowhere_are_counted)
{
    uint64_t counted = 0;

    rig.outputs.on_dropped = on_dropped;
    rig.outputs.owner = &counted;
    cr_assert_eq(lines_open(&rig.lines, 1, rig.ring, dup(rig.wake)), 0);
    while (ring_write(rig.writer, 7, SLICE("a line of some length, so that the ring fills\n")))
        continue;
    outputs_put(&rig.outputs, 8, SLICE("of a place that nobody has told of\n"));
    outputs_close(&rig.outputs, 8);
    cr_assert_eq(counted, 0);
    for (int i = 0; i < 20000 && counted == 0; i++) {
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    cr_assert_eq(counted, 1);
    outputs_tell_dropped(&rig.outputs);
    cr_assert_eq(counted, 1, "each is told once");
}

Test(lines, of_what_is_no_ring_are_not_read)
{
    cr_assert_eq(lines_open(&rig.lines, 1, rig.file, dup(rig.wake)), -1);
    cr_assert_not(lines_end(&rig.lines, 1));
}
