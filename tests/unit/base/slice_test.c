/* SPDX-License-Identifier: MIT */
/* Slices: comparing, trimming, numbers at their limits. */
#include "base/slice.h"

#include <criterion/criterion.h>

Test(slice, compares)
{
    cr_assert(slice_equal(SLICE("abc"), slice_of("abc")));
    cr_assert(slice_equal((struct slice){NULL, 0}, SLICE("")));
    cr_assert_not(slice_equal(SLICE("abc"), SLICE("abd")));
    cr_assert(slice_equal_nocase(SLICE("Content-Length"), SLICE("cONTENT-lENGTH")));
    cr_assert_not(slice_equal_nocase(SLICE("a["), SLICE("a{")), "only letters have case");
    cr_assert_not(slice_equal_nocase(SLICE("@"), SLICE("`")));
    cr_assert_lt(slice_compare(SLICE("ab"), SLICE("abc")), 0);
    cr_assert_gt(slice_compare(SLICE("b"), SLICE("abc")), 0);
    cr_assert_eq(slice_compare(SLICE(""), SLICE("")), 0);
    cr_assert(slice_starts_with(SLICE("/a/b"), SLICE("/a")));
    cr_assert_not(slice_starts_with(SLICE("/"), SLICE("/a")));
    cr_assert(slice_ends_with(SLICE("x.test"), SLICE(".test")));
}

/* Each pair of bytes at each place, among the words of a long one and behind them. */
Test(slice, case_is_told_at_each_place)
{
    char a[19], b[19];
    for (size_t at = 0; at < sizeof(a); at++) {
        memset(a, 'x', sizeof(a));
        memset(b, 'X', sizeof(b));
        for (unsigned pair = 0; pair < 256 * 256; pair++) {
            int one = (int)(pair / 256), other = (int)(pair % 256);
            int low_one = one >= 'A' && one <= 'Z' ? one + 32 : one;
            int low_other = other >= 'A' && other <= 'Z' ? other + 32 : other;
            a[at] = (char)one;
            b[at] = (char)other;
            bool is_equal =
                slice_equal_nocase((struct slice){a, sizeof(a)}, (struct slice){b, sizeof(b)});
            cr_assert_eq(is_equal, low_one == low_other, "%zu: %d, %d", at, one, other);
        }
    }
}

Test(slice, cuts)
{
    cr_assert(slice_equal(slice_from(SLICE("abc"), 1), SLICE("bc")));
    cr_assert_eq(slice_from(SLICE("abc"), 9).len, 0);
    cr_assert(slice_equal(slice_head(SLICE("abc"), 2), SLICE("ab")));
    cr_assert(slice_equal(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    cr_assert_eq(slice_trim(SLICE(" \t ")).len, 0);
}

Test(slice, reads_numbers)
{
    uint64_t value;
    cr_assert_eq(slice_to_u64(SLICE("0"), 10, &value), 0);
    cr_assert_eq(value, 0);
    cr_assert_eq(slice_to_u64(SLICE("18446744073709551615"), UINT64_MAX, &value), 0);
    cr_assert_eq(value, UINT64_MAX);
    cr_assert_eq(slice_to_u64(SLICE("18446744073709551616"), UINT64_MAX, &value), -1);
    cr_assert_eq(slice_to_u64(SLICE("11"), 10, &value), -1);
    cr_assert_eq(slice_to_u64(SLICE("10"), 10, &value), 0);
    cr_assert_eq(slice_to_u64(SLICE(""), 10, &value), -1);
    cr_assert_eq(slice_to_u64(SLICE("+1"), 10, &value), -1);
    cr_assert_eq(slice_to_u64(SLICE("1 "), 10, &value), -1);
    cr_assert_eq(slice_to_u64(SLICE("7"), 5, &value), -1);
}

Test(slice, digits_of_numbers)
{
    static const uint64_t numbers[] = {0, 7, 10, 65535, UINT64_MAX};
    char digits[SLICE_U64_DIGITS];

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t back = 1;
        cr_expect_eq(slice_to_u64(slice_of_u64(numbers[i], digits), UINT64_MAX, &back), 0);
        cr_expect_eq(back, numbers[i]);
    }
    cr_expect(slice_equal(slice_of_u64(0, digits), SLICE("0")));
    cr_expect(slice_equal(slice_of_u64(UINT64_MAX, digits), SLICE("18446744073709551615")));
}

Test(slice, spans_and_what_it_has)
{
    cr_expect_eq(slice_span(SLICE("12a3"), SLICE_DIGITS), 2);
    cr_expect_eq(slice_span(SLICE("a12"), SLICE_DIGITS), 0);
    cr_expect_eq(slice_span((struct slice){0}, SLICE_DIGITS), 0);
    cr_expect_eq(slice_span(SLICE("1\0002"), SLICE_DIGITS), 1, "a NUL is in no set");
    cr_expect(slice_is_only(SLICE("aZ09_"), SLICE_ALPHANUMERIC "_"));
    cr_expect_not(slice_is_only(SLICE("a-b"), SLICE_ALPHANUMERIC));
    cr_expect(slice_has(SLICE("a/b"), '/'));
    cr_expect_not(slice_has((struct slice){0}, '/'));
}
