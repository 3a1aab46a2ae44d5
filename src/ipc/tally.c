/* SPDX-License-Identifier: MIT */
/* Connection counters in memory that the supervisor and all workers share. */
#include "ipc/tally.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A row is one tenant's, so that its sum reads four cache lines. A row is written by few workers
 * and only when connections come and go: sharing its lines costs less than padding them would. */
struct tally_cells {
    int32_t count[TALLY_TENANTS][TALLY_WORKERS];
};

struct tally {
    struct tally_cells *cells;
    int fd;           /* -1 in a worker */
    uint32_t workers; /* whose columns are summed */
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
    tally->workers = TALLY_WORKERS;
    return tally;
}

struct tally *tally_new(int *fd)
{
    /* The size is sealed: a worker that shrank the file would kill the others by SIGBUS. */
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    int memory = memfd_create("nsgate-tally", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct tally *tally = NULL;
    int saved;

    if (memory < 0)
        return NULL;
    if (ftruncate(memory, sizeof(struct tally_cells)) == 0 &&
        fcntl(memory, F_ADD_SEALS, seals) == 0)
        tally = tally_over(memory, memory);
    if (!tally) {
        saved = errno;
        close(memory);
        errno = saved;
        return NULL;
    }
    *fd = memory;
    return tally;
}

struct tally *tally_map(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return NULL;
    if (status.st_size != (off_t)sizeof(struct tally_cells)) {
        errno = EINVAL;
        return NULL;
    }
    return tally_over(fd, -1);
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    munmap(tally->cells, sizeof(struct tally_cells));
    if (tally->fd >= 0)
        close(tally->fd);
    free(tally);
}

void tally_set_workers(struct tally *tally, uint32_t workers)
{
    tally->workers = workers < TALLY_WORKERS ? workers : TALLY_WORKERS;
}

void tally_add(struct tally *tally, uint32_t slot, uint32_t worker, int32_t change)
{
    assert(slot < TALLY_TENANTS && worker < TALLY_WORKERS);
    __atomic_fetch_add(&tally->cells->count[slot][worker], change, __ATOMIC_RELAXED);
}

uint32_t tally_total(const struct tally *tally, uint32_t slot)
{
    int64_t total = 0;

    assert(slot < TALLY_TENANTS);
    for (uint32_t worker = 0; worker < tally->workers; worker++)
        total += __atomic_load_n(&tally->cells->count[slot][worker], __ATOMIC_RELAXED);
    if (total < 0)
        return 0; /* only a worker that lies can make it so */
    return total > UINT32_MAX ? UINT32_MAX : (uint32_t)total;
}

static void tally_clear_rows(struct tally *tally, uint32_t worker, size_t first, size_t end)
{
    for (size_t slot = first; slot < end; slot++)
        __atomic_store_n(&tally->cells->count[slot][worker], 0, __ATOMIC_RELAXED);
}

/* Only where the file has pages: even reading a hole through the mapping would fill it. */
void tally_clear_worker(struct tally *tally, uint32_t worker)
{
    const off_t row = sizeof(tally->cells->count[0]);
    off_t data = 0;

    assert(worker < TALLY_WORKERS && tally->fd >= 0);
    while ((data = lseek(tally->fd, data, SEEK_DATA)) >= 0) {
        off_t hole = lseek(tally->fd, data, SEEK_HOLE);

        if (hole <= data)
            break;
        tally_clear_rows(tally, worker, (size_t)(data / row), (size_t)(hole / row));
        data = hole;
    }
}
