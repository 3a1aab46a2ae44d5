/* SPDX-License-Identifier: MIT */
/* The classes of bytes, each against its definition. */
#include "http/characters.h"
#include "http/fields.h"

#include <criterion/criterion.h>

Test(http_characters, classes)
{
    static const char token_signs[] = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_token = is_alnum || (byte != 0 && strchr(token_signs, byte) != NULL && byte < 128);
        bool is_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        bool is_target = is_value && byte != '\t' && byte != ' ' && byte != '#';
        bool is_host = is_alnum || (byte != 0 && strchr("-._~", byte) != NULL && byte < 128);
        cr_expect_eq(http_char_is(c, HTTP_CHAR_TOKEN), is_token, "%d", byte);
        cr_expect_eq(http_char_is(c, HTTP_CHAR_VALUE), is_value, "%d", byte);
        cr_expect_eq(http_char_is(c, HTTP_CHAR_TARGET), is_target, "%d", byte);
        cr_expect_eq(http_char_is(c, HTTP_CHAR_HOST), is_host, "%d", byte);
    }
}

Test(http_characters, controls_are_found_wherever_they_are)
{
    char text[41];
    for (size_t len = 0; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memset(text, at % 2 ? '\t' : 0xff, sizeof(text));
                text[at] = (char)byte;
                bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
                cr_assert_eq(http_find_control(text, len), is_control ? at : len, "%zu %zu %d", len,
                             at, byte);
            }
        }
    }
}

Test(http_characters, tokens_and_values)
{
    cr_expect(http_is_token(SLICE("X-A_b!9")));
    cr_expect_not(http_is_token(SLICE("")));
    cr_expect_not(http_is_token(SLICE("a b")));
    cr_expect_not(http_is_token(SLICE("a:")));
    cr_expect_not(http_is_token(SLICE("a\xe4")));
    cr_expect(http_is_field_value(SLICE("")));
    cr_expect(http_is_field_value(SLICE("a \t b\xe4")));
    cr_expect_not(http_is_field_value(SLICE(" a")));
    cr_expect_not(http_is_field_value(SLICE("a\t")));
    cr_expect_not(http_is_field_value(SLICE("a\nb")));
    cr_expect_not(http_is_field_value(SLICE("a\rb")));
    cr_expect_not(http_is_field_value(SLICE("a\0b")));
    cr_expect_not(http_is_field_value(SLICE("a\x7f")));
}

Test(http_characters, hex_digits)
{
    static const char digits[] = "0123456789abcdef";
    for (int byte = 0; byte < 256; byte++) {
        int lower = byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte;
        const char *found = lower == 0 ? NULL : strchr(digits, lower);
        cr_expect_eq(http_hex_digit((char)byte), found ? (int)(found - digits) : -1, "%d", byte);
    }
}
