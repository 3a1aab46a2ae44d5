/* SPDX-License-Identifier: MIT */
/* Allocation that cannot fail. */
#include "base/memory.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

void memory_exhausted(size_t size)
{
    log_error("out of memory: %zu bytes wanted", size);
    exit(MEMORY_EXHAUSTED_STATUS);
}

void *memory_alloc(size_t size)
{
    void *data = malloc(size ? size : 1);
    if (!data)
        memory_exhausted(size);
    return data;
}

void *memory_zeroed(size_t count, size_t size)
{
    void *data = calloc(count ? count : 1, size ? size : 1);
    if (!data)
        memory_exhausted(count * size);
    return data;
}

void *memory_resize(void *old, size_t size)
{
    void *data = realloc(old, size ? size : 1);
    if (!data)
        memory_exhausted(size);
    return data;
}

char *memory_text(const char *text)
{
    return memory_copy(text, strlen(text) + 1);
}

char *memory_slice_text(struct slice text)
{
    char *copy = memory_alloc(text.len + 1);

    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

void *memory_copy(const void *data, size_t size)
{
    void *copy = memory_alloc(size);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

void *memory_room(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 4;
    return memory_resize(items, *capacity * size);
}

void memory_wipe_free(void *data, size_t size)
{
    if (!data)
        return;
    explicit_bzero(data, size);
    free(data);
}
