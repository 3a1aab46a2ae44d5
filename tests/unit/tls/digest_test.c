/* SPDX-License-Identifier: MIT */
/* Digests: the examples of the standards. */
#include "tls/digest.h"

#include <criterion/criterion.h>

/* RFC 6455 section 1.3 */
Test(digest, sha1_is_the_one_of_websocket)
{
    static const unsigned char expected[TLS_SHA1] = {0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f,
                                                     0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38,
                                                     0x59, 0x45, 0xb2, 0xbe, 0xc4, 0xea};
    unsigned char out[TLS_SHA1];

    tls_sha1(SLICE("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), out);
    cr_assert_arr_eq(out, expected, TLS_SHA1);
}

Test(digest, sha1_of_nothing)
{
    static const unsigned char start[4] = {0xda, 0x39, 0xa3, 0xee};
    unsigned char out[TLS_SHA1];

    tls_sha1((struct slice){0}, out);
    cr_assert_arr_eq(out, start, sizeof(start));
}
