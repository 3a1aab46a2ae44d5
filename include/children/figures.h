/* SPDX-License-Identifier: MIT */
/* What is measured, as the supervisor keeps it: the board, and a file of cells for each worker. */
#ifndef CHILDREN_FIGURES_H
#define CHILDREN_FIGURES_H

#include "ipc/wire.h"
#include "metrics/reader.h"

/* Embedded by struct children. A column's file is made for its first worker and stays: when a
 * worker has ended, what it counted becomes the board's, and the next one gets the file empty. */
struct figures {
    struct metrics_file board;         /* memory is NULL until figures_open */
    int fds[METRICS_SOURCES];          /* of each column, and of the board; -1: there is none */
    uint64_t serials[METRICS_SOURCES]; /* of those descriptors, whose numbers come again; 0: there
                                        * never was one */
    uint64_t last;                     /* serial that was given */
    char *columns[METRICS_COLUMNS];
    struct metrics_reader *reader;
};

void figures_init(struct figures *figures);
void figures_free(struct figures *figures);

/* Makes the board. Returns 0, or -1 with errno. */
int figures_open(struct figures *figures);

/* The gateway's own cells on the board; NULL: there is none. */
struct metrics_cells *figures_gateway(struct figures *figures);

/* A worker is to start in that column: its file is empty from now on. Returns its descriptor, which
 * stays the figures'; -1 with errno. */
int figures_start(struct figures *figures, uint32_t column);
/* It has ended. */
void figures_end(struct figures *figures, uint32_t column);

/* The number of the tenant in that slot of the tally, by which workers count for it; it comes onto
 * the board if need be. */
uint64_t figures_enter(struct figures *figures, uint32_t slot);
/* The worker of that column counts for it from now on. */
void figures_let(struct figures *figures, uint32_t slot, uint32_t column);
/* It is gone, and its figures are. */
void figures_leave(struct figures *figures, uint32_t slot);

/* A descriptor by which another process reads that source and nothing more, the caller's; -1 with
 * errno, EBADF when there is none. A column's stays good as long as the supervisor. */
int figures_share(const struct figures *figures, uint32_t source);

/* ---- for the next binary ---- */

void figures_put(struct wire_writer *writer, const struct figures *figures);
/* Into one that was initialized: numbers that nothing was done with. The reader tells whether it
 * has failed. */
void figures_get(struct wire_reader *reader, struct figures *figures);
void figures_each_descriptor(struct figures *figures, void (*act)(int *fd, void *context),
                             void *context);
/* Maps what figures_get brought. What workers have counted that live no more, of which is_alive is
 * asked, becomes the board's; a board of another version is read into a new one. Returns 0, or -1
 * with errno. */
int figures_resume(struct figures *figures, bool (*is_alive)(void *owner, uint32_t column),
                   void *owner);

#endif
