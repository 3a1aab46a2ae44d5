/* SPDX-License-Identifier: MIT */
/* rooms: cells base */
/* A ring of lines whose memory the other end has filled as it likes: words at any places of the
 * file, between passes of the reader, and of the writer. */
#include "cells/ring.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP 12 /* bytes of input: a place, and a word for it */

static void read_all(struct ring *ring)
{
    struct ring_line line;
    uint32_t sum = 0;

    ring_begin(ring);
    for (size_t total = 0; ring_read(ring, &line);) {
        total += line.bytes.len + sizeof(uint64_t);
        if (line.bytes.len > RING_LINE_MAX || total > RING_SIZE)
            abort();
        for (size_t i = 0; i < line.bytes.len; i++)
            sum += (uint8_t)line.bytes.data[i];
    }
    if (sum % 2 == 0)
        ring_release(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[RING_LINE_MAX];
    int fd = ring_file();
    struct ring *reader = ring_map(fd, -1), *writer = ring_map(fd, -1);
    struct stat status;
    char *memory;

    if (fstat(fd, &status) < 0 || !reader || !writer)
        abort();
    memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (; size >= STEP; data += STEP, size -= STEP) {
        uint32_t place;
        uint64_t word;

        memcpy(&place, data, sizeof(place));
        memcpy(&word, data + sizeof(place), sizeof(word));
        /* The upper bits choose: near the start, where positions and first lines lie, or all of it.
         */
        if (place >> 31)
            place = place % (uint32_t)(status.st_size - 8);
        else
            place = (place & 1 ? 4096 : 0) + (place >> 1) % 512;
        memcpy(memory + place, &word, sizeof(word));
        if (place % 3 == 0)
            ring_write(writer, (uint32_t)word % UINT32_MAX, (struct slice){text, word >> 47});
        read_all(reader);
        ring_take_dropped(reader);
        if (ring_take_dropped(reader) != 0)
            abort(); /* nobody has written since */
        if (place % 5 == 0) {
            /* another reader goes on */
            ring_unmap(reader);
            reader = ring_map(fd, -1);
        }
    }
    munmap(memory, (size_t)status.st_size);
    ring_unmap(reader);
    ring_unmap(writer);
    close(fd);
    return 0;
}
