/* SPDX-License-Identifier: MIT */
/* A ring of lines: whole lines in order, dropped and counted when it is full, over deaths of either
 * end, and safe whatever the memory says. */
#include "cells/ring.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
    int fd;
    int wake;
    struct ring *writer, *reader;
};

static struct pair pair_new(void)
{
    struct pair pair = {.fd = ring_file(), .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    cr_assert_geq(pair.fd, 0);
    pair.writer = ring_map(pair.fd, pair.wake);
    pair.reader = ring_map(pair.fd, -1);
    cr_assert(pair.writer && pair.reader);
    return pair;
}

static void pair_free(struct pair *pair)
{
    ring_unmap(pair->writer);
    ring_unmap(pair->reader);
    close(pair->fd);
    close(pair->wake);
}

static void expect_line(struct ring *ring, uint32_t destination, const char *text)
{
    struct ring_line line;

    cr_assert(ring_read(ring, &line));
    cr_assert_eq(line.destination, destination);
    cr_assert(slice_equal(line.bytes, slice_of(text)), "%.*s", SLICE_PRINTF(line.bytes));
}

static unsigned read_all(struct ring *ring)
{
    struct ring_line line;
    unsigned count = 0;

    ring_begin(ring);
    while (ring_read(ring, &line))
        count++;
    ring_release(ring);
    return count;
}

Test(ring, lines_come_whole_and_in_order)
{
    struct pair pair = pair_new();
    struct ring_line line;

    cr_assert(ring_write(pair.writer, 1, SLICE("one\n")));
    cr_assert(ring_write(pair.writer, 0, SLICE("")));
    ring_begin(pair.reader);
    cr_assert(ring_write(pair.writer, 2, SLICE("of the next pass\n")));
    expect_line(pair.reader, 1, "one\n");
    expect_line(pair.reader, 0, "");
    cr_assert_not(ring_read(pair.reader, &line));
    ring_release(pair.reader);
    ring_begin(pair.reader);
    expect_line(pair.reader, 2, "of the next pass\n");
    cr_assert_not(ring_read(pair.reader, &line));
    pair_free(&pair);
}

Test(ring, a_full_one_drops_and_counts_until_it_is_released)
{
    struct pair pair = pair_new();
    static char text[1000];
    unsigned written = 0;

    while (ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}))
        written++;
    cr_assert_eq(written, RING_SIZE / 1008);
    cr_assert_not(ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}));
    cr_assert_eq(ring_take_dropped(pair.reader), 2);
    cr_assert_eq(ring_take_dropped(pair.reader), 0, "each is told once");
    ring_begin(pair.reader);
    while (ring_read(pair.reader, &(struct ring_line){0}))
        ;
    cr_assert_not(ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}));
    ring_release(pair.reader);
    cr_assert(ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}));
    cr_assert_eq(ring_take_dropped(pair.reader), 1);
    cr_assert_eq(read_all(pair.reader), 1);
    pair_free(&pair);
}

Test(ring, a_line_that_is_too_long_is_dropped)
{
    struct pair pair = pair_new();
    static char text[RING_LINE_MAX + 1];

    cr_assert_not(ring_write(pair.writer, 1, (struct slice){text, sizeof(text)}));
    cr_assert_eq(ring_take_dropped(pair.reader), 1);
    for (int i = 0; i < 100; i++) { /* over the end, several times */
        cr_assert(ring_write(pair.writer, 1, (struct slice){text, RING_LINE_MAX}));
        cr_assert_eq(read_all(pair.reader), 1);
    }
    pair_free(&pair);
}

Test(ring, the_reader_is_woken_once_when_it_is_half_full)
{
    struct pair pair = pair_new();
    struct pollfd wake = {.fd = pair.wake, .events = POLLIN};
    static char text[1000];
    uint64_t times;

    for (unsigned round = 0; round < 3; round++) {
        for (size_t used = 2 * 1008; used < RING_SIZE / 2; used += 1008)
            cr_assert(ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}));
        cr_assert_eq(poll(&wake, 1, 0), 0);
        while (ring_write(pair.writer, 7, (struct slice){text, sizeof(text)}))
            ;
        cr_assert_eq(read(pair.wake, &times, sizeof(times)), sizeof(times));
        cr_assert_eq(times, 1);
        read_all(pair.reader);
    }
    pair_free(&pair);
}

Test(ring, another_reader_goes_on_where_the_last_one_released)
{
    struct pair pair = pair_new();

    ring_write(pair.writer, 1, SLICE("released"));
    ring_begin(pair.reader);
    expect_line(pair.reader, 1, "released");
    ring_release(pair.reader);
    ring_write(pair.writer, 1, SLICE("read, and not released"));
    ring_begin(pair.reader);
    expect_line(pair.reader, 1, "read, and not released");
    ring_unmap(pair.reader); /* it dies */
    pair.reader = ring_map(pair.fd, -1);
    ring_begin(pair.reader);
    expect_line(pair.reader, 1, "read, and not released");
    pair_free(&pair);
}

Test(ring, other_files_are_not_mapped)
{
    int fd = memfd_create("other", MFD_CLOEXEC);

    cr_assert_null(ring_map(fd, -1));
    close(fd);
    cr_assert_null(ring_map(fd, -1));
}

Test(ring, nobody_changes_its_size)
{
    struct pair pair = pair_new();

    cr_assert_lt(ftruncate(pair.fd, 0), 0);
    cr_assert_lt(ftruncate(pair.fd, 1 << 30), 0);
    pair_free(&pair);
}

/* ---- at once ---- */

#define NUMBERED_MAX 300

/* A line whose bytes all follow from its number: one that is torn or mixed shows. */
static struct slice numbered(char text[NUMBERED_MAX], unsigned number)
{
    int len = snprintf(text, NUMBERED_MAX, "%08u ", number);

    memset(text + len, 'a' + (int)(number % 26), number % 251);
    return (struct slice){text, (size_t)len + number % 251};
}

static unsigned expect_numbered(struct slice line)
{
    char copy[NUMBERED_MAX], text[NUMBERED_MAX];
    unsigned number;

    cr_assert_lt(line.len, sizeof(copy));
    memcpy(copy, line.data, line.len);
    copy[line.len] = '\0';
    number = (unsigned)strtoul(copy, NULL, 10);
    cr_assert(slice_equal(slice_of(copy), numbered(text, number)), "torn: %s", copy);
    return number;
}

/* Reads until it has seen that number, or the writer has ended and all is read. */
static unsigned drain(struct ring *ring, unsigned *last)
{
    struct ring_line line;
    unsigned count = 0;

    ring_begin(ring);
    while (ring_read(ring, &line)) {
        unsigned number = expect_numbered(line.bytes);

        cr_assert_gt(number, *last, "%u behind %u", number, *last);
        *last = number;
        count++;
    }
    ring_release(ring);
    return count;
}

enum { AT_ONCE = 300000 };

static void *write_numbered(void *writer)
{
    char text[NUMBERED_MAX];

    for (unsigned i = 1; i <= AT_ONCE; i++)
        ring_write(writer, 3, numbered(text, i));
    return NULL;
}

Test(ring, a_thread_writes_while_another_reads)
{
    struct pair pair = pair_new();
    unsigned last = 0;
    uint64_t count = 0;
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, write_numbered, pair.writer), 0);
    while ((count += ring_take_dropped(pair.reader)) < AT_ONCE)
        count += drain(pair.reader, &last);
    pthread_join(thread, NULL);
    count += drain(pair.reader, &last) + ring_take_dropped(pair.reader);
    cr_assert_eq(count, AT_ONCE, "none is lost without being counted");
    pair_free(&pair);
}

/* Killed at any moment, it leaves whole lines. */
Test(ring, writers_are_killed)
{
    for (unsigned round = 0; round < 30; round++) {
        struct pair pair = pair_new();
        unsigned last = 0, count = 0;
        pid_t pid = fork();

        cr_assert_geq(pid, 0);
        if (pid == 0) {
            char text[NUMBERED_MAX];

            for (unsigned i = 1;; i++)
                ring_write(pair.writer, 3, numbered(text, i));
        }
        while (count < 1000 + round * 100)
            count += drain(pair.reader, &last);
        kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        drain(pair.reader, &last);
        cr_assert_eq(read_all(pair.reader), 0);
        pair_free(&pair);
    }
}

/* ---- an end that is not honest ---- */

static uint64_t random_word(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state ^ *state >> 29;
}

Test(ring, whatever_the_memory_says_both_ends_stay_inside)
{
    struct pair pair = pair_new();
    static char text[RING_LINE_MAX];
    uint64_t state = 5;
    struct stat status;
    uint64_t *words;

    cr_assert_eq(fstat(pair.fd, &status), 0);
    words = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, pair.fd, 0);
    cr_assert_neq(words, MAP_FAILED);
    for (unsigned round = 0; round < 3000; round++) {
        struct ring_line line;
        size_t total = 0;

        /* Positions, and the words that stand before the next lines: anything, or nearly right. */
        words[0] +=
            round % 3 ? random_word(&state) % 4096 * (round % 2 ? 8 : 1) : random_word(&state);
        words[8] = round % 5 ? words[8] : random_word(&state);
        for (unsigned i = 0; i < 64; i++)
            words[512 + (words[8] / 8 + i * 7) % (RING_SIZE / 8)] =
                random_word(&state) >> (random_word(&state) % 64);
        ring_write(pair.writer, 1, (struct slice){text, random_word(&state) % RING_LINE_MAX});
        ring_begin(pair.reader);
        while (ring_read(pair.reader, &line)) {
            cr_assert_leq(line.bytes.len, RING_LINE_MAX);
            total += line.bytes.len + 8;
            cr_assert_leq(total, RING_SIZE);
            memcpy(text, line.bytes.data, line.bytes.len);
        }
        ring_release(pair.reader);
        if (round % 100 == 0) {
            ring_unmap(pair.reader);
            pair.reader = ring_map(pair.fd, -1);
        }
    }
    munmap(words, (size_t)status.st_size);
    pair_free(&pair);
}
