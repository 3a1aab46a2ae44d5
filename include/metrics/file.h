/* SPDX-License-Identifier: MIT */
/* Memory with slots of cells, which one process writes and others read: a worker's, and the board,
 * which is the supervisor's. What it is made of is the caller's affair: a file of a sealed size,
 * sparse, since only slots in use have pages. It describes itself, so that another version's can be
 * read.
 *
 * The board has a slot for each tenant, where its name stands and what dead workers have counted
 * for it. Its owner's number is what workers write into their own slots. A removed tenant's number
 * never comes again, so nothing is ever counted for another, and a slot is used anew as soon as its
 * writer has let go of it. */
#ifndef METRICS_FILE_H
#define METRICS_FILE_H

#include "metrics/cells.h"

#include "base/slice.h"

#define METRICS_TENANTS 16384 /* slots of the board: as many as there are tenants at most */
#define METRICS_WORKERS 64    /* of a generation */
#define METRICS_COLUMNS (2 * METRICS_WORKERS)

/* Bytes of what a slot is called. */
#define METRICS_NAME        96   /* of a listener, endpoint or certificate; longer ones are cut */
#define METRICS_TENANT_TEXT 96   /* on the board */
#define METRICS_LONG_TEXT   4096 /* there, if it does not fit */

struct metrics_header;

enum metrics_use { METRICS_OF_WORKER, METRICS_BOARD };

/* By who writes. Embedded by its owner. */
struct metrics_file {
    char *memory;
    enum metrics_use use;
    uint32_t free[METRIC_SCOPES]; /* no free slot is below */
    bool has_left; /* a tenant has left the board, and listeners, endpoints and certificates of it
                      may stand there still, which nobody sees */
};

uint64_t metrics_file_size(enum metrics_use use);

/* The bytes with which a file begins. */
#define METRICS_DESCRIPTION 4096
/* Writes the description of an empty one into so many bytes of zero; how many of them count. */
uint64_t metrics_file_describe(enum metrics_use use, char *memory);

/* memory: metrics_file_size(use) bytes that were described, by this version. Returns 0, or -1 when
 * they are anything else. */
int metrics_file_open(struct metrics_file *file, enum metrics_use use, char *memory);

/* Of its gateway and worker (of the board: index is the worker's). */
struct metrics_cells *metrics_gateway(struct metrics_file *file);
struct metrics_cells *metrics_worker(struct metrics_file *file, uint32_t index);

/* A free slot, zeroed, from now on the owner's; name: parts with a 0 between them; of one that is
 * cut, a hash is the end. NULL when there is none left: then nobody counts. */
struct metrics_cells *metrics_take(struct metrics_file *file, enum metric_scope scope,
                                   uint64_t owner, struct slice name);
/* It is nobody's. cells may be NULL. */
void metrics_release(struct metrics_file *file, struct metrics_cells *cells);

/* All slots of that scope are nobody's. */
void metrics_release_all(struct metrics_file *file, enum metric_scope scope);

/* ---- the board ---- */

/* A tenant comes into that slot, with a number that nobody has ever had (of which the slot takes
 * the low bits). */
uint64_t metrics_board_enter(struct metrics_file *board, uint32_t slot, uint64_t number);
void metrics_board_leave(struct metrics_file *board, uint32_t slot);
/* Slots of listeners, endpoints and certificates whose tenants have left are free again: one walk,
 * however many have. */
void metrics_board_sweep(struct metrics_file *board);
struct metrics_cells *metrics_board_tenant(struct metrics_file *board, uint32_t slot);
/* NULL: nobody's. */
struct metrics_cells *metrics_board_find(struct metrics_file *board, uint64_t owner);

/* The worker of that column counts for the tenant from now on: what others write in its name is
 * not believed. */
void metrics_board_let(struct metrics_file *board, uint32_t slot, uint32_t column);

/* A worker has ended: what it counted is the board's from now on. memory: its file, of any version,
 * which the caller empties before metrics_board_end. */
void metrics_board_fold(struct metrics_file *board, const char *memory, uint64_t size,
                        uint32_t column);

/* Takes over what a board of another version has: tenants with their numbers, texts and counts. */
void metrics_board_inherit(struct metrics_file *board, const char *memory, uint64_t size);

struct metrics_text {
    struct slice name;
    struct slice netns; /* as the configuration has it; empty: unknown */
    struct slice error; /* empty: none */
};

/* Nothing is written if it is the same as before. What is too long is cut. */
void metrics_board_set_text(struct metrics_file *board, uint32_t slot,
                            const struct metrics_text *text);

/* Readers that see the same even epoch before and after have seen all or nothing of what was
 * written between begin and end. */
void metrics_board_begin(struct metrics_file *board);
void metrics_board_end(struct metrics_file *board);

#endif
