/* SPDX-License-Identifier: MIT */
/* Comparing and reading slices. */
#include "base/slice.h"

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.data[i] != b.data[i] && lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

size_t slice_span(struct slice s, const char *set)
{
    size_t len = 0;

    while (len < s.len && s.data[len] && strchr(set, s.data[len]))
        len++;
    return len;
}

int slice_to_u64(struct slice s, uint64_t max, uint64_t *value)
{
    if (s.len == 0)
        return -1;
    uint64_t number = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return -1;
        uint64_t digit = (uint64_t)(s.data[i] - '0');
        if (digit > max || number > (max - digit) / 10)
            return -1;
        number = number * 10 + digit;
    }
    *value = number;
    return 0;
}

struct slice slice_of_u64(uint64_t number, char digits[SLICE_U64_DIGITS])
{
    size_t at = SLICE_U64_DIGITS;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return (struct slice){digits + at, SLICE_U64_DIGITS - at};
}
