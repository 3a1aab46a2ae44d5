/* SPDX-License-Identifier: MIT */
/* Allocation that cannot fail: out of memory ends the process, and its parent replaces it. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/slice.h"

#include <stddef.h>

/* As malloc(3), calloc(3), realloc(3), strdup(3); never NULL. The caller owns the result and
 * gives it to free(3). */
void *memory_alloc(size_t size);
void *memory_zeroed(size_t count, size_t size);
void *memory_resize(void *old, size_t size);
char *memory_text(const char *text);
char *memory_slice_text(struct slice text); /* with a NUL behind */
void *memory_copy(const void *data, size_t size);

/* Room for one more in an array of `count` items of that size, of which it holds *capacity: grows
 * it to twice as many when it is full. Returns where it is now. */
void *memory_room(void *items, uint32_t count, uint32_t *capacity, size_t size);

/* The exit status of a process that was out of memory: no fault of what it was working on. */
#define MEMORY_EXHAUSTED_STATUS 71 /* EX_OSERR of sysexits.h */

/* Says what was wanted, and ends the process with that status. */
_Noreturn void memory_exhausted(size_t size);

/* Overwrites secrets in a way that the compiler keeps (explicit_bzero(3)), then frees. */
void memory_wipe_free(void *data, size_t size);

#endif
