/* SPDX-License-Identifier: MIT */
/* Maps the files of cells, and looks at them. */
#include "looks_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "ipc/sealed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* How long we wait for a board that is being changed: what a dead worker has counted becomes its
 * own in some 20 ms. */
#define PATIENCE 0.2 /* seconds in all */
#define PAUSE    1   /* milliseconds at a time */

/* ---- looks ---- */

void look_unref(struct look *look)
{
    if (!look || --look->references > 0)
        return;
    metrics_snapshot_free(look->snapshot);
    free(look);
}

static struct metrics_snapshot *looks_read(struct looks *looks, struct slice tenant)
{
    double begun = loop_clock();
    bool may_wait = looks->files[METRICS_SOURCE_BOARD].memory &&
                    loop_now(looks->loop) - looks->failed >= LOOKS_AGE;
    struct metrics_snapshot *snapshot = metrics_snapshot_new(looks->reader, tenant);

    while (!snapshot && may_wait && loop_clock() - begun < PATIENCE) {
        poll(NULL, 0, PAUSE);
        snapshot = metrics_snapshot_new(looks->reader, tenant);
    }
    if (!snapshot && may_wait)
        looks->failed = loop_now(looks->loop);
    return snapshot;
}

static struct look *look_new(struct looks *looks, struct slice tenant)
{
    struct metrics_snapshot *snapshot = looks_read(looks, tenant);
    struct look *look;

    if (!snapshot)
        return NULL;
    look = memory_zeroed(1, sizeof(*look));
    *look = (struct look){.references = 1, .taken = loop_now(looks->loop), .snapshot = snapshot};
    return look;
}

static bool looks_is_fresh(const struct looks *looks)
{
    return looks->last && loop_now(looks->loop) - looks->last->taken < LOOKS_AGE;
}

struct look *looks_at(struct looks *looks, struct slice tenant)
{
    struct look *look;

    if (tenant.len > 0)
        return look_new(looks, tenant);
    if (!looks_is_fresh(looks)) {
        look = look_new(looks, tenant);
        if (look) {
            look_unref(looks->last);
            looks->last = look;
        }
    }
    if (looks->last)
        looks->last->references++;
    return looks->last;
}

static void looks_remember(struct deadline *next)
{
    struct looks *looks = CONTAINER_OF(next, struct looks, next);
    struct look *look = looks_at(looks, SLICE(""));

    if (looks_is_fresh(looks))
        history_take(&looks->history, look->snapshot, loop_now(looks->loop),
                     loop_wall(looks->loop));
    look_unref(look);
    deadline_set(next, HISTORY_EVERY);
}

/* ---- files ---- */

static void looks_unmap(struct looks *looks, uint32_t source)
{
    if (looks->files[source].memory)
        munmap(looks->files[source].memory, looks->files[source].size);
    looks->files[source].memory = NULL;
}

int looks_set(struct looks *looks, uint32_t source, int fd)
{
    struct stat status;
    size_t size = fd >= 0 && fstat(fd, &status) == 0 ? (size_t)status.st_size : 0;
    char *memory = size > 0 ? sealed_memory_map(fd, size, false) : NULL;

    metrics_reader_set(looks->reader, source, NULL, 0);
    looks_unmap(looks, source);
    if (fd < 0)
        return 0;
    if (!memory)
        return -1;
    looks->files[source].memory = memory;
    looks->files[source].size = size;
    if (metrics_reader_set(looks->reader, source, memory, size) < 0) {
        errno = EINVAL;
        looks_unmap(looks, source);
        return -1;
    }
    if (source == METRICS_SOURCE_BOARD && !deadline_is_set(&looks->next))
        deadline_set(&looks->next, 0);
    return 0;
}

void looks_init(struct looks *looks, struct loop *loop)
{
    *looks = (struct looks){.loop = loop, .reader = metrics_reader_new(), .failed = -LOOKS_AGE};
    history_init(&looks->history);
    deadline_init(&looks->next, loop, looks_remember);
}

void looks_free(struct looks *looks)
{
    deadline_stop(&looks->next);
    look_unref(looks->last);
    history_free(&looks->history);
    metrics_reader_free(looks->reader);
    for (uint32_t i = 0; i < METRICS_SOURCES; i++)
        looks_unmap(looks, i);
}
