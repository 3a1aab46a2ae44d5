/* SPDX-License-Identifier: MIT */
/* The arena: a list of blocks, of which the first is filled. */
#include "base/arena.h"

#include "base/memory.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t block_size)
{
    arena->blocks = NULL;
    arena->block_size = block_size;
    arena->account = NULL;
}

static void drop(struct arena *arena, struct arena_block *block)
{
    account_give_standing(arena->account, sizeof(*block) + block->size);
    free(block);
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *older = arena->blocks->older;
        drop(arena, arena->blocks);
        arena->blocks = older;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL, *block;

    while ((block = arena->blocks)) {
        arena->blocks = block->older;
        /* A block that one large request made is not worth keeping. */
        if (block->size > arena->block_size) {
            drop(arena, block);
        } else {
            if (kept)
                drop(arena, kept);
            kept = block;
        }
    }
    if (kept) {
        kept->used = 0;
        kept->older = NULL;
    }
    arena->blocks = kept;
}

/* An ordinary one, in front, or one that size just fills, behind the one that is being filled. */
static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t room = size > arena->block_size ? size : arena->block_size;
    struct arena_block *block = memory_alloc(sizeof(*block) + room);
    struct arena_block **place =
        size > arena->block_size && arena->blocks ? &arena->blocks->older : &arena->blocks;
    block->size = room;
    block->used = 0;
    block->older = *place;
    *place = block;
    account_take_standing(arena->account, sizeof(*block) + room);
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t rounded = (size + align - 1) & ~(align - 1);
    if (rounded < size)
        memory_exhausted(size);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    void *data = block->data + block->used;
    block->used += rounded;
    return data;
}

void *arena_zeroed(struct arena *arena, size_t size)
{
    void *data = arena_alloc(arena, size);
    memset(data, 0, size);
    return data;
}

char *arena_text(struct arena *arena, struct slice s)
{
    char *text = arena_alloc(arena, s.len + 1);
    if (s.len > 0)
        memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    return text;
}

struct slice arena_slice(struct arena *arena, struct slice s)
{
    return (struct slice){arena_text(arena, s), s.len};
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct slice){text, (size_t)len};
}

void arena_charge(struct arena *arena, struct account *account)
{
    size_t size = arena_footprint(arena);

    account_give_standing(arena->account, size);
    account_take_standing(account, size);
    arena->account = account;
}

size_t arena_footprint(const struct arena *arena)
{
    size_t size = 0;
    for (const struct arena_block *block = arena->blocks; block; block = block->older)
        size += sizeof(*block) + block->size;
    return size;
}
