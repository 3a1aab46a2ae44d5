/* SPDX-License-Identifier: MIT */
/* Numbers and quoted texts. */
#include "metrics/out.h"

#include <criterion/criterion.h>

static char buffer[256];

static struct slice written(const struct out *out)
{
    return (struct slice){out->data, out->len};
}

#define EXPECT(call, text)                                                                         \
    do {                                                                                           \
        struct out out = {buffer, sizeof(buffer), 0};                                              \
        call;                                                                                      \
        cr_assert(slice_equal(written(&out), SLICE(text)), "%.*s", SLICE_PRINTF(written(&out)));   \
    } while (0)

Test(out, numbers)
{
    EXPECT(out_u64(&out, 0), "0");
    EXPECT(out_u64(&out, UINT64_MAX), "18446744073709551615");
    EXPECT(out_i64(&out, -15), "-15");
    EXPECT(out_i64(&out, INT64_MIN), "-9223372036854775808");
    EXPECT(out_seconds(&out, 2500000), "0.0025");
    EXPECT(out_seconds(&out, 1), "0.000000001");
    EXPECT(out_seconds(&out, UINT64_C(30000000000)), "30");
    EXPECT(out_seconds(&out, UINT64_C(1500000000)), "1.5");
}

Test(out, quotes_are_kept_closed)
{
    EXPECT(out_label(&out, SLICE("a\"b\\c\nd\te")), "a\\\"b\\\\c\\nd\te");
    EXPECT(out_json(&out, SLICE("a\"b\\c\nd\te")), "a\\\"b\\\\c\\nd\\u0009e");
}

Test(out, only_utf8_comes_out)
{
    EXPECT(out_label(&out, SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")),
           "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    EXPECT(out_label(&out, SLICE("a\xff"
                                 "b\xc3")),
           "a\xef\xbf\xbd"
           "b\xef\xbf\xbd");
    EXPECT(out_json(&out, SLICE("\xc0\xaf")), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT(out_json(&out, SLICE("\xed\xa0\x80")), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT(out_json(&out, SLICE("\xf4\x90\x80\x80")),
           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

Test(out, what_does_not_fit_is_left_out)
{
    struct out out = {buffer, 3, 0};

    out_text(&out, "ab");
    out_text(&out, "cd");
    cr_assert_eq(out.len, 2);
}
