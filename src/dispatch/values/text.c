/* SPDX-License-Identifier: MIT */
/* Numbers and times as the texts of variables. */
#include "dispatch_internal.h"

struct slice value_number(struct dispatch *dispatch, uint64_t value)
{
    char digits[SLICE_U64_DIGITS];
    struct slice number = slice_of_u64(value, digits);
    char *text = arena_alloc(&dispatch->exchange->arena, number.len);
    memcpy(text, number.data, number.len);
    return (struct slice){text, number.len};
}

struct slice value_seconds(struct dispatch *dispatch, double value)
{
    uint64_t milliseconds = value > 0 ? (uint64_t)(value * 1000 + 0.5) : 0;
    struct slice whole = value_number(dispatch, milliseconds / 1000);
    char *text = arena_alloc(&dispatch->exchange->arena, whole.len + 4);
    unsigned rest = (unsigned)(milliseconds % 1000);
    memcpy(text, whole.data, whole.len);
    text[whole.len] = '.';
    text[whole.len + 1] = (char)('0' + rest / 100);
    text[whole.len + 2] = (char)('0' + rest / 10 % 10);
    text[whole.len + 3] = (char)('0' + rest % 10);
    return (struct slice){text, whole.len + 4};
}
