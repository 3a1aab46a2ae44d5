/* SPDX-License-Identifier: MIT */
/* An arena: many small allocations that are freed together. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/account.h"
#include "base/slice.h"

#include <stdarg.h>

struct arena_block;

/* Embedded by its owner. */
struct arena {
    struct arena_block *blocks; /* the first is filled; the oldest is kept by arena_reset */
    size_t block_size;          /* bytes of an ordinary block */
    struct account *account;    /* that its blocks stand in; NULL: none */
};

/* block_size: bytes that one block holds, 256 to 1 MiB. Nothing is allocated yet. */
void arena_init(struct arena *arena, size_t block_size);

/* Frees everything. The arena may be used again. */
void arena_free(struct arena *arena);

/* Forgets everything, keeping one block so that the next use allocates nothing. */
void arena_reset(struct arena *arena);

/* size bytes, aligned for any type, not zeroed, owned by the arena. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zeroed(struct arena *arena, size_t size);

/* Copies, NUL-terminated behind their length. */
struct slice arena_slice(struct arena *arena, struct slice s);
char *arena_text(struct arena *arena, struct slice s);

/* printf(3) into the arena. */
struct slice arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What its blocks take stands in this account from now on, in place of the one before. */
void arena_charge(struct arena *arena, struct account *account);

/* Bytes that its blocks take. */
size_t arena_footprint(const struct arena *arena);

#define ARENA_NEW(arena, type)          ((type *)arena_zeroed(arena, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zeroed(arena, sizeof(type) * (count)))

#endif
