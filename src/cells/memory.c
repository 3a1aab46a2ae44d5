/* SPDX-License-Identifier: MIT */
/* A tenant's shared memory as the supervisor has it: made, fitted to what is wanted, cleared. */
#include "cells/memory.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)

/* Room for what is wanted, what was wanted before, and gaps between: a file that has no pages costs
 * nothing. The size is sealed: a worker that shrank the file would kill the others by SIGBUS. */
#define FILE_SIZE (4 * CELLS_MOST)
#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

struct fingerprint cells_id(enum cells_kind kind, struct slice name)
{
    unsigned char key[FINGERPRINT_KEY] = {(unsigned char)kind}; /* names are no secrets */

    return fingerprint_of(key, name);
}

static uint64_t region_end(const struct cells_region *region)
{
    return region->offset + (region->size + PAGE - 1) / PAGE * PAGE;
}

bool cells_regions_are_valid(const struct cells_region *regions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (regions[i].size == 0 || regions[i].size > CELLS_MOST || regions[i].offset % PAGE != 0 ||
            regions[i].offset > FILE_SIZE - CELLS_MOST)
            return false;
    }
    return count <= CELLS_REGIONS;
}

/* ---- making ---- */

void cells_init(struct cells *memory)
{
    *memory = (struct cells){.fd = -1};
}

void cells_free(struct cells *memory)
{
    descriptor_close(memory->fd);
    free(memory->regions);
    cells_init(memory);
}

static int cells_file(void)
{
    int fd = memfd_create("nsgate-cells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int saved;

    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)FILE_SIZE) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* ---- fitting ---- */

static const struct cells_region *region_find(const struct cells *memory,
                                              const struct cells_want *want)
{
    struct fingerprint id = cells_id(want->kind, want->name);

    for (uint32_t i = 0; i < memory->count; i++) {
        if (fingerprint_equal(memory->regions[i].id, id) && memory->regions[i].size == want->size)
            return &memory->regions[i];
    }
    return NULL;
}

/* The nearest place from there on where no region of the list lies, for that much. */
static uint64_t place_behind(uint64_t offset, uint64_t size, const struct cells_region *regions,
                             uint32_t count)
{
    bool has_moved = true;

    while (has_moved) {
        has_moved = false;
        for (uint32_t i = 0; i < count; i++) {
            if (regions[i].offset < offset + size && offset < region_end(&regions[i])) {
                offset = region_end(&regions[i]);
                has_moved = true;
            }
        }
    }
    return offset;
}

static void file_punch(int fd, uint64_t from, uint64_t end)
{
    if (from < end)
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(end - from));
}

/* Nothing but the regions has pages. */
static void memory_punch(const struct cells *memory)
{
    uint64_t offset = 0;

    while (offset < FILE_SIZE) {
        uint64_t next = FILE_SIZE, behind = FILE_SIZE;

        for (uint32_t i = 0; i < memory->count; i++) {
            if (memory->regions[i].offset >= offset && memory->regions[i].offset < next) {
                next = memory->regions[i].offset;
                behind = region_end(&memory->regions[i]);
            }
        }
        file_punch(memory->fd, offset, next);
        offset = behind;
    }
}

/* New regions lie where none has been just now: workers may still write by the last
 * configuration. */
static void memory_place(const struct cells *before, struct cells *memory,
                         const struct cells_want *want, void (*random)(void *data, size_t size))
{
    const struct cells_region *same = region_find(before, want);
    struct cells_region *region = &memory->regions[memory->count];
    uint64_t offset = 0, last;

    if (same) {
        *region = *same;
    } else {
        *region = (struct cells_region){
            .kind = want->kind, .id = cells_id(want->kind, want->name), .size = want->size};
        do { /* past those of both lists */
            last = offset;
            offset = place_behind(offset, want->size, before->regions, before->count);
            offset = place_behind(offset, want->size, memory->regions, memory->count);
        } while (offset != last);
        region->offset = offset;
        random(region->key, sizeof(region->key));
        file_punch(memory->fd, region->offset, region_end(region));
    }
    memory->count++;
}

int cells_fit(struct cells *memory, const struct cells_want *wants, uint32_t count,
              void (*random)(void *data, size_t size))
{
    struct cells fitted = {.fd = memory->fd};

    if (count == 0) {
        cells_free(memory);
        return 0;
    }
    if (fitted.fd < 0 && (fitted.fd = cells_file()) < 0)
        return -1;
    fitted.regions = memory_zeroed(count, sizeof(fitted.regions[0]));
    /* Equal ones first, so that new ones keep clear of them all. */
    for (uint32_t i = 0; i < count; i++) {
        if (region_find(memory, &wants[i]))
            memory_place(memory, &fitted, &wants[i], random);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!region_find(memory, &wants[i]))
            memory_place(memory, &fitted, &wants[i], random);
    }
    free(memory->regions);
    *memory = fitted;
    memory_punch(memory);
    return 0;
}

/* ---- workers that have died ---- */

/* The words of that part of the file that are pages: reading a hole would fill it. */
static void memory_clear_part(const struct cells *memory, off_t from, off_t end,
                              const uint32_t columns[2])
{
    uint64_t *words =
        mmap(NULL, (size_t)(end - from), PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, from);

    if (words == MAP_FAILED)
        return;
    counts_clear(words, (uint64_t)(end - from) / sizeof(*words), columns[0], columns[1]);
    munmap(words, (size_t)(end - from));
}

static void memory_clear_region(const struct cells *memory, const struct cells_region *region,
                                const uint32_t columns[2])
{
    off_t end = (off_t)region_end(region);
    off_t data = (off_t)region->offset;

    while (data < end && (data = lseek(memory->fd, data, SEEK_DATA)) >= 0 && data < end) {
        off_t hole = lseek(memory->fd, data, SEEK_HOLE);

        if (hole <= data)
            return;
        memory_clear_part(memory, data, hole < end ? hole : end, columns);
        data = hole;
    }
}

void cells_clear(struct cells *memory, uint32_t first, uint32_t end)
{
    const uint32_t columns[2] = {first, end};

    for (uint32_t i = 0; i < memory->count; i++) {
        if (memory->regions[i].kind == CELLS_COUNTS)
            memory_clear_region(memory, &memory->regions[i], columns);
    }
    if (memory->fd >= 0)
        memory_punch(memory);
}
