/* SPDX-License-Identifier: MIT */
/* The error table: every row is whole, and values outside it are harmless. */
#include "base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, rows)
{
#define X(name, status, token, text)                                                               \
    cr_assert_lt(ERROR_##name, -1);                                                                \
    cr_assert_eq(error_status(ERROR_##name), status);                                              \
    cr_assert_str_eq(error_token(ERROR_##name), token);                                            \
    cr_assert_str_eq(error_text(ERROR_##name), text);                                              \
    cr_assert_null(strchr(token, ' '));
    ERROR_TABLE(X)
#undef X
}

Test(error, none)
{
    cr_assert_eq(error_status(ERROR_NONE), 0);
    cr_assert_str_eq(error_token((enum error)12345), "-");
    cr_assert_str_eq(error_text((enum error) - 99999), "no error");
}

Test(error, reasons)
{
    cr_assert_str_eq(error_reason(ENOENT), "No such file or directory");
    cr_assert_str_eq(error_reason(99999), "unknown error");
}

Test(error, shortages)
{
    cr_assert(error_is_shortage(EMFILE) && error_is_shortage(ENOMEM));
    cr_assert_not(error_is_shortage(0) || error_is_shortage(ECONNREFUSED));
}
