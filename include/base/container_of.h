/* SPDX-License-Identifier: MIT */
/* The way back from a part to the struct that embeds it. */
#ifndef BASE_CONTAINER_OF_H
#define BASE_CONTAINER_OF_H

#include <stddef.h>

/* The struct of that type whose member the pointer points to. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
