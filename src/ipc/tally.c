/* SPDX-License-Identifier: MIT */
/* Connection counters in memory that the supervisor and all workers share. */
#include "ipc/tally.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TALLY_PAGE 4096

/* Columns lie in groups, and of a group a row is one tenant's: a sum reads few cache lines, and
 * groups without workers have no pages. A row is written by few workers and only when connections
 * come and go: sharing its lines costs less than padding them would. */
#define TALLY_GROUP 8

struct tally_cells {
    uint32_t workers[TALLY_HALVES]; /* whose columns are summed, in all processes alike */
    _Alignas(TALLY_PAGE) int32_t count[TALLY_COLUMNS / TALLY_GROUP][TALLY_TENANTS][TALLY_GROUP];
};

struct tally {
    struct tally_cells *cells;
    int fd;                         /* -1 in a worker */
    uint32_t workers[TALLY_HALVES]; /* as its maker knows them, who trusts no memory of workers */
};

static struct tally *tally_over(int fd, int kept)
{
    void *cells = mmap(NULL, sizeof(struct tally_cells), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct tally *tally;

    if (cells == MAP_FAILED)
        return NULL;
    tally = memory_zeroed(1, sizeof(*tally));
    tally->cells = cells;
    tally->fd = kept;
    return tally;
}

struct tally *tally_new(int *fd)
{
    /* The size is sealed: a worker that shrank the file would kill the others by SIGBUS. */
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int memory = memfd_create("nsgate-tally", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct tally *tally = NULL;

    if (memory >= 0 && ftruncate(memory, sizeof(struct tally_cells)) == 0 &&
        fcntl(memory, F_ADD_SEALS, seals) == 0)
        tally = tally_over(memory, memory);
    *fd = tally ? memory : descriptor_close(memory);
    return tally;
}

static struct tally *tally_checked(int fd, int kept)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size != (off_t)sizeof(struct tally_cells)) {
        errno = EINVAL;
        return NULL;
    }
    return tally_over(fd, kept);
}

static uint32_t tally_workers(const struct tally *tally, unsigned half)
{
    uint32_t workers = __atomic_load_n(&tally->cells->workers[half], __ATOMIC_RELAXED);

    return workers < TALLY_WORKERS ? workers : TALLY_WORKERS;
}

struct tally *tally_keep(int fd)
{
    struct tally *tally = tally_checked(fd, fd);

    for (unsigned half = 0; tally && half < TALLY_HALVES; half++)
        tally->workers[half] = tally_workers(tally, half);
    return tally;
}

struct tally *tally_map(int fd)
{
    return tally_checked(fd, -1);
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    munmap(tally->cells, sizeof(struct tally_cells));
    descriptor_close(tally->fd);
    free(tally);
}

static int32_t *tally_cell(const struct tally *tally, uint32_t slot, uint32_t column)
{
    return &tally->cells->count[column / TALLY_GROUP][slot][column % TALLY_GROUP];
}

void tally_add(struct tally *tally, uint32_t slot, uint32_t column, int32_t change)
{
    assert(slot < TALLY_TENANTS && column < TALLY_COLUMNS);
    __atomic_fetch_add(tally_cell(tally, slot, column), change, __ATOMIC_RELAXED);
}

uint32_t tally_total(const struct tally *tally, uint32_t slot)
{
    int64_t total = 0;

    assert(slot < TALLY_TENANTS);
    for (unsigned half = 0; half < TALLY_HALVES; half++) {
        uint32_t workers = tally_workers(tally, half);

        for (uint32_t worker = 0; worker < workers; worker++)
            total += __atomic_load_n(tally_cell(tally, slot, tally_column(half, worker)),
                                     __ATOMIC_RELAXED);
    }
    if (total < 0)
        return 0; /* only a worker that lies can make it so */
    return total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
}

/* ---- the maker's ---- */

struct tally_columns {
    uint32_t first;
    uint32_t end;
};

/* Rows are counted over all groups. */
static void tally_clear_rows(struct tally *tally, struct tally_columns columns, size_t first,
                             size_t end)
{
    for (size_t row = first; row < end; row++) {
        uint32_t group = (uint32_t)(row / TALLY_TENANTS);

        for (uint32_t i = 0; i < TALLY_GROUP; i++) {
            uint32_t column = group * TALLY_GROUP + i;

            if (column >= columns.first && column < columns.end)
                __atomic_store_n(tally_cell(tally, (uint32_t)(row % TALLY_TENANTS), column), 0,
                                 __ATOMIC_RELAXED);
        }
    }
}

/* Only where the file has pages: even reading a hole through the mapping would fill it. */
static void tally_clear(struct tally *tally, struct tally_columns columns)
{
    const off_t start = offsetof(struct tally_cells, count);
    const off_t row = sizeof(tally->cells->count[0][0]);
    off_t data = start;

    while ((data = lseek(tally->fd, data, SEEK_DATA)) >= 0) {
        off_t hole = lseek(tally->fd, data, SEEK_HOLE);

        if (hole <= data)
            break;
        tally_clear_rows(tally, columns, (size_t)((data - start) / row),
                         (size_t)((hole - start) / row));
        data = hole;
    }
}

static void tally_publish(struct tally *tally)
{
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        __atomic_store_n(&tally->cells->workers[half], tally->workers[half], __ATOMIC_RELAXED);
}

void tally_set_workers(struct tally *tally, unsigned half, uint32_t workers)
{
    struct tally_columns columns = {tally_column(half, 0), tally_column(half + 1, 0)};

    assert(half < TALLY_HALVES && workers <= TALLY_WORKERS && tally->fd >= 0);
    tally_clear(tally, columns);
    tally->workers[half] = workers;
    tally_publish(tally);
}

void tally_clear_worker(struct tally *tally, uint32_t column)
{
    struct tally_columns columns = {column, column + 1};

    assert(column < TALLY_COLUMNS && tally->fd >= 0);
    tally_clear(tally, columns);
    tally_publish(tally); /* it may have written there too */
}
