/* SPDX-License-Identifier: MIT */
/* The memory that figures are in: made, emptied, handed on. */
#include "children/figures.h"

#include "base/descriptor.h"
#include "base/log.h"
#include "ipc/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static uint64_t file_size(uint32_t source)
{
    return metrics_file_size(source == METRICS_SOURCE_BOARD ? METRICS_BOARD : METRICS_OF_WORKER);
}

void figures_init(struct figures *figures)
{
    *figures = (struct figures){.reader = metrics_reader_new()};
    for (uint32_t i = 0; i < METRICS_SOURCES; i++)
        figures->fds[i] = -1;
}

static void figures_set(struct figures *figures, uint32_t source, int fd)
{
    figures->fds[source] = fd;
    figures->serials[source] = ++figures->last;
}

/* A column that is unmapped is read no more. */
static void figures_drop(struct figures *figures, uint32_t source)
{
    char **memory =
        source == METRICS_SOURCE_BOARD ? &figures->board.memory : &figures->columns[source];

    metrics_reader_set(figures->reader, source, NULL, 0);
    if (*memory)
        munmap(*memory, file_size(source));
    *memory = NULL;
    figures_set(figures, source, descriptor_close(figures->fds[source]));
}

void figures_free(struct figures *figures)
{
    for (uint32_t i = 0; i < METRICS_SOURCES; i++)
        figures_drop(figures, i);
    metrics_reader_free(figures->reader);
}

/* ---- the board ---- */

/* Returns 0, or -1 with errno; fd is the figures' from now on in either case. */
static int board_take(struct figures *figures, int fd, bool is_new)
{
    uint64_t size = file_size(METRICS_SOURCE_BOARD);
    char *memory = sealed_memory_map(fd, size, true);

    figures_set(figures, METRICS_SOURCE_BOARD, fd);
    if (memory && is_new)
        metrics_file_describe(METRICS_BOARD, memory);
    if (memory && metrics_file_open(&figures->board, METRICS_BOARD, memory) == 0 &&
        metrics_reader_set(figures->reader, METRICS_SOURCE_BOARD, memory, size) == 0)
        return 0;
    if (memory) {
        munmap(memory, size);
        errno = EINVAL;
    }
    figures->board.memory = NULL;
    figures_set(figures, METRICS_SOURCE_BOARD, descriptor_close(fd));
    return -1;
}

int figures_open(struct figures *figures)
{
    int fd = sealed_memory("nsgate-board", file_size(METRICS_SOURCE_BOARD));

    return fd < 0 ? -1 : board_take(figures, fd, true);
}

struct metrics_cells *figures_gateway(struct figures *figures)
{
    return figures->board.memory ? metrics_gateway(&figures->board) : NULL;
}

/* ---- columns ---- */

/* Emptied: its pages go back, and its description is written anew. */
static int column_empty(int fd, uint64_t size)
{
    static char description[METRICS_DESCRIPTION];
    uint64_t len = metrics_file_describe(METRICS_OF_WORKER, description);

    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0)
        return -1;
    return pwrite(fd, description, len, 0) == (ssize_t)len ? 0 : -1;
}

static void column_fold(struct figures *figures, uint32_t column)
{
    uint64_t size = file_size(column);

    if (!figures->columns[column] || !figures->board.memory)
        return;
    metrics_board_begin(&figures->board);
    metrics_board_fold(&figures->board, figures->columns[column], size, column);
    if (column_empty(figures->fds[column], size) < 0) {
        log_error("the figures of a worker that has ended cannot be emptied: %s", strerror(errno));
        figures_drop(figures, column);
    }
    metrics_board_end(&figures->board);
}

/* Returns 0, or -1 with errno; fd is the figures' from now on in either case. */
static int column_take(struct figures *figures, uint32_t column, int fd)
{
    uint64_t size = file_size(column);

    figures_set(figures, column, fd);
    figures->columns[column] = sealed_memory_map(fd, size, false);
    if (figures->columns[column] &&
        metrics_reader_set(figures->reader, column, figures->columns[column], size) == 0)
        return 0;
    figures_drop(figures, column);
    return -1;
}

int figures_start(struct figures *figures, uint32_t column)
{
    int fd;

    column_fold(figures, column);
    if (figures->fds[column] >= 0)
        return figures->fds[column];
    fd = sealed_memory("nsgate-figures", file_size(column));
    if (fd < 0)
        return -1;
    if (column_empty(fd, file_size(column)) < 0)
        return descriptor_close(fd);
    return column_take(figures, column, fd) == 0 ? fd : -1;
}

void figures_end(struct figures *figures, uint32_t column)
{
    column_fold(figures, column);
}

/* ---- tenants ---- */

/* Nobody has had it, and nobody will: a tenant's number is a random one. */
static uint64_t figures_number(void)
{
    uint64_t number = 0;

    while (number / METRICS_TENANTS == 0) {
        if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number) && errno != EINTR)
            abort();
    }
    return number;
}

uint64_t figures_enter(struct figures *figures, uint32_t slot)
{
    uint64_t owner;

    if (!figures->board.memory)
        return 0;
    owner = metrics_board_tenant(&figures->board, slot)->owner;
    return owner != 0 ? owner : metrics_board_enter(&figures->board, slot, figures_number());
}

void figures_let(struct figures *figures, uint32_t slot, uint32_t column)
{
    if (figures->board.memory)
        metrics_board_let(&figures->board, slot, column);
}

void figures_leave(struct figures *figures, uint32_t slot)
{
    if (figures->board.memory)
        metrics_board_leave(&figures->board, slot);
}

/* ---- other processes ---- */

int figures_share(const struct figures *figures, uint32_t source)
{
    char path[64];

    if (figures->fds[source] < 0) {
        errno = EBADF;
        return -1;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", figures->fds[source]);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void figures_put(struct wire_writer *writer, const struct figures *figures)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < METRICS_SOURCES; i++)
        count += figures->fds[i] >= 0;
    wire_put_u32(writer, count);
    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        if (figures->fds[i] < 0)
            continue;
        wire_put_u32(writer, i);
        wire_put_descriptor(writer, figures->fds[i]);
    }
}

void figures_get(struct wire_reader *reader, struct figures *figures)
{
    uint32_t count = wire_get_count(reader, 8);

    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint32_t source = wire_get_u32(reader);
        int fd = wire_get_descriptor(reader);

        wire_require(reader, source < METRICS_SOURCES && figures->fds[source] < 0);
        if (!reader->failed)
            figures->fds[source] = fd;
    }
}

void figures_each_descriptor(struct figures *figures, void (*act)(int *fd, void *context),
                             void *context)
{
    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        if (figures->fds[i] >= 0)
            act(&figures->fds[i], context);
    }
}

/* The board as another version had it: whatever both count goes on. */
static int board_convert(struct figures *figures, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *before = size > 0 ? sealed_memory_map(fd, (uint64_t)size, false) : NULL;
    int result = figures_open(figures);

    if (before && result == 0)
        metrics_board_inherit(&figures->board, before, (uint64_t)size);
    if (before)
        munmap(before, (size_t)size);
    descriptor_close(fd);
    return result;
}

int figures_resume(struct figures *figures, bool (*is_alive)(void *owner, uint32_t column),
                   void *owner)
{
    int fd = figures->fds[METRICS_SOURCE_BOARD];
    int spare = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    int result = fd >= 0 ? board_take(figures, fd, false) : -1;

    if (result < 0)
        result = board_convert(figures, spare);
    else
        descriptor_close(spare);
    if (result == 0)
        metrics_release_all(&figures->board, METRIC_SCOPE_CERTIFICATE);
    for (uint32_t i = 0; i < METRICS_COLUMNS && result == 0; i++) {
        if (figures->fds[i] < 0 || column_take(figures, i, figures->fds[i]) < 0 ||
            is_alive(owner, i))
            continue;
        /* Whoever may write there still is nobody that we know. */
        column_fold(figures, i);
        figures_drop(figures, i);
    }
    return result;
}
