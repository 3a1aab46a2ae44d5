/* SPDX-License-Identifier: MIT */
/* The table of bytes, and the search for control bytes that every head passes through. */
#include "http/characters.h"

#include "http/fields.h"

#define T HTTP_CHAR_TOKEN
#define V HTTP_CHAR_VALUE
#define U HTTP_CHAR_TARGET
#define H HTTP_CHAR_HOST
#define P HTTP_CHAR_PATH

/* Bytes from 0x80 on are obs-text in values (RFC 9110 section 5.5) and raw UTF-8 in targets, which
 * no grammar allows but every browser's neighbour sends: they make nothing ambiguous. */
const uint8_t http_characters[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | U | P,
    ['"'] = V | U,
    ['#'] = T | V,
    ['$'] = T | V | U | P,
    ['%'] = T | V | U,
    ['&'] = T | V | U | P,
    ['\''] = T | V | U | P,
    ['('] = V | U | P,
    [')'] = V | U | P,
    ['*'] = T | V | U | P,
    ['+'] = T | V | U | P,
    [','] = V | U | P,
    ['-'] = T | V | U | H | P,
    ['.'] = T | V | U | H | P,
    ['/'] = V | U | P,
    ['0' ... '9'] = T | V | U | H | P,
    [':'] = V | U | P,
    [';'] = V | U | P,
    ['<'] = V | U,
    ['='] = V | U | P,
    ['>'] = V | U,
    ['?'] = V | U,
    ['@'] = V | U | P,
    ['A' ... 'Z'] = T | V | U | H | P,
    ['['] = V | U | P,
    ['\\'] = V | U,
    [']'] = V | U | P,
    ['^'] = T | V | U,
    ['_'] = T | V | U | H | P,
    ['`'] = T | V | U,
    ['a' ... 'z'] = T | V | U | H | P,
    ['{'] = V | U,
    ['|'] = T | V | U,
    ['}'] = V | U,
    ['~'] = T | V | U | H | P,
    [0x80 ... 0xff] = V | U,
};

#define EACH_BYTE(n) (UINT64_C(0x0101010101010101) * (n))

/* Whether a byte of the word is below 0x20 or is 0x7f, eight at a time. */
static inline bool has_control(uint64_t word)
{
    uint64_t del = word ^ EACH_BYTE(0x7f);
    uint64_t below = (word - EACH_BYTE(0x20)) & ~word;
    uint64_t equal = (del - EACH_BYTE(1)) & ~del;
    return ((below | equal) & EACH_BYTE(0x80)) != 0;
}

size_t http_find_control(const char *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint64_t word;
        while (len - at >= sizeof(word)) {
            memcpy(&word, data + at, sizeof(word));
            if (has_control(word))
                break;
            at += sizeof(word);
        }
        /* Most tails are without: the last word, of which a part was looked at, tells. */
        if (len - at < sizeof(word) && len >= sizeof(word)) {
            memcpy(&word, data + len - sizeof(word), sizeof(word));
            if (!has_control(word))
                return len;
        }
        /* The word with the control byte (or a HTAB, then the search goes on), or the tail. */
        size_t stop = len - at < sizeof(word) ? len : at + sizeof(word);
        for (; at < stop; at++) {
            if (!http_char_is(data[at], HTTP_CHAR_VALUE))
                return at;
        }
    }
    return len;
}

bool http_is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_char_is(s.data[i], HTTP_CHAR_TOKEN))
            return false;
    }
    return s.len > 0;
}

bool http_is_field_value(struct slice s)
{
    if (s.len == 0)
        return true;
    char first = s.data[0];
    char last = s.data[s.len - 1];
    if (first == ' ' || first == '\t' || last == ' ' || last == '\t')
        return false;
    return http_find_control(s.data, s.len) == s.len;
}
