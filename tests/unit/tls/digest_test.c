/* SPDX-License-Identifier: MIT */
/* Digests: the example of the standard. */
#include "tls/digest.h"

#include <criterion/criterion.h>

/* RFC 6455 section 1.3 */
Test(digest, a_key_is_answered_as_websocket_says)
{
    char accept[WEBSOCKET_ACCEPT + 1];

    websocket_accept("dGhlIHNhbXBsZSBub25jZQ==, and more", accept);
    cr_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

Test(digest, a_fresh_key_is_16_bytes_and_another_each_time)
{
    char first[WEBSOCKET_KEY + 1], second[WEBSOCKET_KEY + 1];

    websocket_key(first);
    websocket_key(second);
    cr_assert_eq(strlen(first), WEBSOCKET_KEY);
    cr_assert_str_eq(first + WEBSOCKET_KEY - 2, "==");
    cr_assert_str_neq(first, second);
}
