/* SPDX-License-Identifier: MIT */
/* Shared bytes: they live until the last one lets go. */
#include "observer/text_internal.h"

#include <criterion/criterion.h>

Test(text, lives_until_the_last_one_lets_go)
{
    struct text *text = text_copy(SLICE("abc"));

    cr_assert_eq(text_ref(text), text);
    text_unref(text);
    cr_assert(slice_equal(text->bytes, SLICE("abc")));
    text_unref(text);
    text_unref(NULL);
}

Test(text, may_be_empty)
{
    struct text *text = text_copy(SLICE(""));

    cr_assert_eq(text->bytes.len, 0);
    text_unref(text);
}
