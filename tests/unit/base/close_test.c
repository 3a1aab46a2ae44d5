/* SPDX-License-Identifier: MIT */
/* The table of reasons for a close: every row is whole and found, and no token stands twice. */
#include "base/close.h"

#include <criterion/criterion.h>
#include <string.h>

Test(close, rows)
{
#define X(name, manner, error, token, text)                                                        \
    cr_assert_eq(close_manner(CLOSE_##name), CLOSE_MANNER_##manner);                               \
    cr_assert_eq(close_error(CLOSE_##name), ERROR_##error);                                        \
    cr_assert_str_eq(close_token(CLOSE_##name), token);                                            \
    cr_assert_str_eq(close_text(CLOSE_##name), text);                                              \
    cr_assert_eq(strspn(token, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(token));
    CLOSE_TABLE(X)
#undef X
    cr_assert_str_eq(close_token(CLOSE_NONE), "-");
}

Test(close, tokens_differ)
{
    for (enum close_reason a = CLOSE_NONE; a < CLOSE_REASONS; a++) {
        for (enum close_reason b = a + 1; b < CLOSE_REASONS; b++)
            cr_assert_str_neq(close_token(a), close_token(b));
    }
}
