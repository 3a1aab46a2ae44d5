/* SPDX-License-Identifier: MIT */
/* Fingerprints: the authors' vectors, and every byte and every bit of the key counts. */
#include "base/fingerprint.h"

#include <criterion/criterion.h>

static void fill(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)i;
}

Test(fingerprint, is_siphash_with_128_bits)
{
    unsigned char key[FINGERPRINT_KEY];
    struct fingerprint none;
    struct fingerprint one;

    fill(key, sizeof(key));
    none = fingerprint_of(key, SLICE(""));
    one = fingerprint_of(key, (struct slice){"\0", 1});
    cr_assert_eq(none.low, 0xe6a825ba047f81a3u);
    cr_assert_eq(none.high, 0x930255c71472f66du);
    cr_assert_eq(one.low, 0x44af996bd8c187dau);
    cr_assert_eq(one.high, 0x45fc229b11597634u);
}

Test(fingerprint, every_byte_and_the_length_count)
{
    unsigned char key[FINGERPRINT_KEY];
    unsigned char bytes[64];

    fill(key, sizeof(key));
    fill(bytes, sizeof(bytes));
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        struct slice whole = {(const char *)bytes, len};
        struct fingerprint before = fingerprint_of(key, whole);

        cr_assert(fingerprint_equal(before, fingerprint_of(key, whole)));
        cr_assert(!fingerprint_equal(before, fingerprint_of(key, slice_head(whole, len - 1))));
        for (size_t i = 0; i < len; i++) {
            bytes[i] ^= 1;
            cr_assert(!fingerprint_equal(before, fingerprint_of(key, whole)), "%zu of %zu", i, len);
            bytes[i] ^= 1;
        }
    }
}

Test(fingerprint, the_key_counts)
{
    unsigned char key[FINGERPRINT_KEY] = {0};
    struct fingerprint before = fingerprint_of(key, SLICE("acme"));

    key[15] = 0x80;
    cr_assert(!fingerprint_equal(before, fingerprint_of(key, SLICE("acme"))));
}
