/* SPDX-License-Identifier: MIT */
/* Growing lists, sets of what was seen, and small questions about texts. */
#include "build_internal.h"

#include "base/memory.h"

#define uthash_fatal(message) memory_exhausted(0)
#include <uthash.h>

struct seen {
    UT_hash_handle hh;
    struct slice key;
    struct diag_place place;
};

void *list_add(struct list *list, struct arena *scratch, size_t size)
{
    char *item;

    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 8;
        void *items = arena_alloc(scratch, capacity * size);

        if (list->count)
            memcpy(items, list->items, list->count * size);
        list->items = items;
        list->capacity = capacity;
    }
    item = (char *)list->items + list->count++ * size;
    memset(item, 0, size);
    return item;
}

void *list_copy(const struct list *list, struct arena *arena, size_t size)
{
    void *copy;

    if (list->count == 0)
        return NULL;
    copy = arena_alloc(arena, list->count * size);
    memcpy(copy, list->items, list->count * size);
    return copy;
}

const struct diag_place *seen_add(struct seen **set, struct arena *scratch, struct slice key,
                                  struct diag_place place)
{
    struct seen *item = NULL;

    if (*set)
        HASH_FIND(hh, *set, key.data, key.len, item);
    if (item)
        return &item->place;
    item = ARENA_NEW(scratch, struct seen);
    item->key = arena_slice(scratch, key);
    item->place = place;
    HASH_ADD_KEYPTR(hh, *set, item->key.data, item->key.len, item);
    return NULL;
}

void seen_free(struct seen **set)
{
    HASH_CLEAR(hh, *set);
}

bool build_is_token(struct slice text)
{
    return text.len > 0 && slice_is_only(text, SLICE_ALPHANUMERIC "!#$%&'*+-.^_`|~");
}

bool build_is_text(struct slice text)
{
    return text.len > 0 && build_is_clean(text);
}

bool build_is_clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}
