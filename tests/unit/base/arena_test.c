/* SPDX-License-Identifier: MIT */
/* The arena: alignment, growth, and that a reset one allocates nothing. */
#include "base/arena.h"

#include <criterion/criterion.h>

Test(arena, aligns_and_grows)
{
    struct arena arena;
    arena_init(&arena, 256);
    for (size_t size = 1; size < 600; size += 7) {
        char *data = arena_alloc(&arena, size);
        cr_assert_eq((uintptr_t)data % 16, 0);
        memset(data, 0x5a, size);
    }
    arena_free(&arena);
    cr_assert_eq(arena_footprint(&arena), 0);
}

Test(arena, keeps_one_block_over_a_reset)
{
    struct arena arena;
    arena_init(&arena, 256);
    char *first = arena_alloc(&arena, 100);
    arena_alloc(&arena, 5000);
    arena_alloc(&arena, 200);
    arena_reset(&arena);
    cr_assert_lt(arena_footprint(&arena), 512);
    cr_assert_eq(arena_alloc(&arena, 100), first);
    arena_free(&arena);
}

/* What follows a large request still goes where there was room before it. */
Test(arena, a_large_request_wastes_no_block)
{
    struct arena arena;
    size_t footprint;
    char *first;

    arena_init(&arena, 256);
    first = arena_alloc(&arena, 64);
    arena_alloc(&arena, 5000);
    footprint = arena_footprint(&arena);
    cr_assert_eq(arena_alloc(&arena, 64), first + 64);
    cr_assert_eq(arena_footprint(&arena), footprint);
    arena_free(&arena);
}

Test(arena, does_not_keep_a_block_made_for_one_large_request)
{
    struct arena arena;
    arena_init(&arena, 256);
    arena_alloc(&arena, 100000);
    arena_reset(&arena);
    cr_assert_eq(arena_footprint(&arena), 0);
    arena_free(&arena);
}

Test(arena, copies_and_prints)
{
    struct arena arena;
    arena_init(&arena, 256);
    struct slice copy = arena_slice(&arena, SLICE("abc"));
    cr_assert(slice_equal(copy, SLICE("abc")));
    cr_assert_eq(copy.data[3], '\0');
    cr_assert_str_empty(arena_text(&arena, (struct slice){NULL, 0}));
    struct slice printed = arena_printf(&arena, "%s=%d", "x", 42);
    cr_assert(slice_equal(printed, SLICE("x=42")));
    arena_free(&arena);
}
