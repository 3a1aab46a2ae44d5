/* SPDX-License-Identifier: MIT */
/* A ring of lines. Positions only grow; where one lies is its remainder by the ring's size. Before
 * each line stands a word with its length and destination; all begin at multiples of a word. A line
 * does not go over the ring's end: a word of nobody's fills what is left there. */
#include "cells/ring.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORD   sizeof(uint64_t)
#define LINE   64 /* of the cache */
#define PAGE   4096
#define NOBODY UINT32_MAX /* the destination of what only fills the end */

_Static_assert((RING_SIZE & (RING_SIZE - 1)) == 0, "positions may wrap around");
_Static_assert(RING_LINE_MAX + WORD <= RING_SIZE / 2, "an empty ring takes every line");

/* What both ends write lies in lines of the cache of their own. */
struct ring_memory {
    _Alignas(LINE) uint64_t tail; /* the writer's: what lies before it is whole */
    uint64_t dropped;
    _Alignas(LINE) uint64_t head; /* the reader's: what lies before it is read */
    uint64_t told;                /* of those that were dropped */
    _Alignas(PAGE) char bytes[RING_SIZE];
};

struct ring {
    struct ring_memory *memory;
    int wake;
    /* the writer's */
    uint64_t written; /* the tail; nobody else's word counts for it */
    uint64_t seen;    /* the head when it was last looked at */
    uint64_t woken;   /* the head when the reader was last woken, plus one */
    uint64_t dropped;
    /* the reader's */
    uint64_t read;
    uint64_t end; /* of the pass */
};

int ring_file(void)
{
    /* The size is sealed: one end that shrank the file would kill the other by SIGBUS. */
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int fd = memfd_create("nsgate-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    if (ftruncate(fd, sizeof(struct ring_memory)) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0)
        return fd;
    return descriptor_close(fd);
}

struct ring *ring_map(int fd, int wake)
{
    struct ring_memory *memory;
    struct stat status;
    struct ring *ring;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size != (off_t)sizeof(*memory)) {
        errno = EINVAL;
        return NULL;
    }
    memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return NULL;
    ring = memory_zeroed(1, sizeof(*ring));
    ring->memory = memory;
    ring->wake = wake;
    ring->written = __atomic_load_n(&memory->tail, __ATOMIC_RELAXED) / WORD * WORD;
    ring->dropped = __atomic_load_n(&memory->dropped, __ATOMIC_RELAXED);
    ring->seen = ring->read = ring->end = __atomic_load_n(&memory->head, __ATOMIC_ACQUIRE);
    return ring;
}

void ring_unmap(struct ring *ring)
{
    if (!ring)
        return;
    munmap(ring->memory, sizeof(*ring->memory));
    free(ring);
}

static size_t ring_offset(uint64_t position)
{
    return position & (RING_SIZE - 1);
}

/* The word and the line behind it. */
static size_t ring_room(size_t len)
{
    return WORD + (len + WORD - 1) / WORD * WORD;
}

static uint64_t *ring_word(struct ring *ring, uint64_t position)
{
    return (uint64_t *)(void *)(ring->memory->bytes + ring_offset(position));
}

/* ---- the writer ---- */

static uint64_t ring_used(struct ring *ring, uint64_t limit)
{
    if (ring->written - ring->seen >= limit)
        ring->seen = __atomic_load_n(&ring->memory->head, __ATOMIC_ACQUIRE);
    return ring->written - ring->seen;
}

/* Once for each time that the reader comes that late. */
static void ring_wake(struct ring *ring)
{
    const uint64_t one = 1;

    if (ring->wake < 0 || ring_used(ring, RING_SIZE / 2) < RING_SIZE / 2 ||
        ring->woken == ring->seen + 1)
        return;
    ring->woken = ring->seen + 1;
    if (write(ring->wake, &one, sizeof(one)) < 0)
        return; /* it is awake, or looks by itself soon */
}

static bool ring_drop(struct ring *ring)
{
    __atomic_store_n(&ring->memory->dropped, ++ring->dropped, __ATOMIC_RELAXED);
    return false;
}

static void ring_put(struct ring *ring, uint32_t destination, size_t len)
{
    *ring_word(ring, ring->written) = (uint64_t)destination << 32 | len;
}

bool ring_write(struct ring *ring, uint32_t destination, struct slice line)
{
    size_t room = ring_room(line.len);
    size_t left = RING_SIZE - ring_offset(ring->written);
    size_t needed = room <= left ? room : left + room;

    assert(destination != NOBODY);
    /* More than all of it is in use only if the reader's word is wrong. */
    if (line.len > RING_LINE_MAX || ring_used(ring, RING_SIZE - needed + 1) > RING_SIZE - needed)
        return ring_drop(ring);
    if (room > left) {
        ring_put(ring, NOBODY, left - WORD);
        ring->written += left;
    }
    ring_put(ring, destination, line.len);
    if (line.len > 0)
        memcpy(ring->memory->bytes + ring_offset(ring->written) + WORD, line.data, line.len);
    ring->written += room;
    __atomic_store_n(&ring->memory->tail, ring->written, __ATOMIC_RELEASE);
    ring_wake(ring);
    return true;
}

/* ---- the reader ---- */

/* Nothing that can be understood lies before the end of the pass. */
static bool ring_skip(struct ring *ring)
{
    ring->read = ring->end;
    return false;
}

void ring_begin(struct ring *ring)
{
    ring->end = __atomic_load_n(&ring->memory->tail, __ATOMIC_ACQUIRE);
    if (ring->end - ring->read > RING_SIZE || ring->end % WORD != 0 || ring->read % WORD != 0)
        ring_skip(ring);
}

/* A pass is no longer than the ring: each step moves on by a word at least. */
bool ring_read(struct ring *ring, struct ring_line *line)
{
    while (ring->read != ring->end) {
        uint64_t word = __atomic_load_n(ring_word(ring, ring->read), __ATOMIC_RELAXED);
        uint64_t len = word & UINT32_MAX;
        uint64_t left = RING_SIZE - ring_offset(ring->read);
        const char *bytes = ring->memory->bytes + ring_offset(ring->read) + WORD;

        if (len > left - WORD || ring_room(len) > ring->end - ring->read)
            return ring_skip(ring);
        ring->read += ring_room(len);
        if (word >> 32 == NOBODY)
            continue;
        if (len > RING_LINE_MAX)
            return ring_skip(ring);
        *line = (struct ring_line){(uint32_t)(word >> 32), {bytes, len}};
        return true;
    }
    return false;
}

void ring_release(struct ring *ring)
{
    __atomic_store_n(&ring->memory->head, ring->read, __ATOMIC_RELEASE);
}

uint64_t ring_take_dropped(struct ring *ring)
{
    uint64_t dropped = __atomic_load_n(&ring->memory->dropped, __ATOMIC_RELAXED);

    return dropped - __atomic_exchange_n(&ring->memory->told, dropped, __ATOMIC_RELAXED);
}
