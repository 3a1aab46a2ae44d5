/* SPDX-License-Identifier: MIT */
/* Allocation: sizes of zero are valid, and running out ends the process with status 1. */
#include "base/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(memory, never_null)
{
    void *none = memory_alloc(0);
    cr_assert_not_null(none);
    free(none);
    int *zero = memory_zeroed(3, sizeof *zero);
    cr_assert_eq(zero[2], 0);
    zero = memory_resize(zero, 10 * sizeof *zero);
    free(zero);
    char *text = memory_text("abc");
    cr_assert_str_eq(text, "abc");
    memory_wipe_free(text, 4);
    text = memory_slice_text((struct slice){"abcdef", 3});
    cr_assert_str_eq(text, "abc");
    free(text);
    text = memory_slice_text((struct slice){NULL, 0});
    cr_assert_str_eq(text, "");
    free(text);
    memory_wipe_free(NULL, 0);
}

Test(memory, exhaustion_ends_the_process, .exit_code = MEMORY_EXHAUSTED_STATUS)
{
    memory_exhausted(12345);
}

Test(memory, room_for_one_more_keeps_what_is_there)
{
    uint32_t capacity = 0;
    int *items = NULL;

    for (uint32_t i = 0; i < 100; i++) {
        items = memory_room(items, i, &capacity, sizeof(items[0]));
        cr_assert_gt(capacity, i);
        items[i] = (int)i;
    }
    for (int i = 0; i < 100; i++)
        cr_assert_eq(items[i], i);
    cr_assert_leq(capacity, 200);
    free(items);
}
