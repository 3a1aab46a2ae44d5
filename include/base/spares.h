/* SPDX-License-Identifier: MIT */
/* Free memory of small objects of one process, by size, so that a steady flow allocates nothing. It
 * is the process's and not a connection's: what a peak leaves serves whoever is next, and goes when
 * nobody is. */
#ifndef BASE_SPARES_H
#define BASE_SPARES_H

#include <stddef.h>

/* Sizes are rounded up to these steps; objects of at most SPARES_MAX bytes. */
#define SPARES_STEP 64
#define SPARES_MAX  512

struct spare;

/* Embedded by its owner. */
struct spares {
    struct spares_class {
        struct spare *first;
        unsigned count; /* that lie free */
        unsigned least; /* of them that did so at any time since the last trim */
    } classes[SPARES_MAX / SPARES_STEP];
};

void spares_init(struct spares *spares);
/* Frees what lies free. */
void spares_free(struct spares *spares);

/* size bytes, not zeroed, aligned for any type; never NULL. They go back by spares_give with the
 * same size, or to free(3). */
void *spares_take(struct spares *spares, size_t size);
void spares_give(struct spares *spares, void *object, size_t size);

/* Frees what nobody has needed since the last call. */
void spares_trim(struct spares *spares);

#endif
