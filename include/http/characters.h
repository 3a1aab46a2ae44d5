/* SPDX-License-Identifier: MIT */
/* Which byte may stand where in HTTP: one table for every parser and writer. */
#ifndef HTTP_CHARACTERS_H
#define HTTP_CHARACTERS_H

#include "base/slice.h"

enum http_character {
    HTTP_CHAR_TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
    HTTP_CHAR_VALUE = 2,  /* field-value, RFC 9110 section 5.5: all but controls, and HTAB */
    HTTP_CHAR_TARGET = 4, /* taken in a request target: no control, space, DEL or '#' */
    HTTP_CHAR_HOST = 8, /* of a host name, RFC 3986 section 3.2.2, as far as names in use have it */
    HTTP_CHAR_PATH = 16 /* written into a path without percent-encoding */
};

extern const uint8_t http_characters[256];

static inline bool http_char_is(char c, enum http_character kind)
{
    return (http_characters[(uint8_t)c] & kind) != 0;
}

/* The offset of the first control byte other than HTAB; len when there is none. */
size_t http_find_control(const char *data, size_t len);

/* The value of a hexadecimal digit; -1 for any other byte. */
static inline int http_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
