/* SPDX-License-Identifier: MIT */
/* Comparing and reading slices. */
#include "base/slice.h"

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

#define EACH_BYTE(n) (UINT64_C(0x0101010101010101) * (n))

/* Eight bytes from there on, capital letters made small. Of a byte below 0x80, one sum has the
 * highest bit if it is 'A' or more, the other if it is more than 'Z'. */
static uint64_t lower_word(const char *data)
{
    uint64_t word, low, is_capital;

    memcpy(&word, data, sizeof(word));
    low = word & EACH_BYTE(0x7f);
    is_capital = (low + EACH_BYTE(0x80 - 'A')) & ~(low + EACH_BYTE(0x7f - 'Z')) & ~word;
    return word | (is_capital & EACH_BYTE(0x80)) >> 2;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    size_t i = 0;

    if (a.len != b.len)
        return false;
    for (; a.len - i >= sizeof(uint64_t); i += sizeof(uint64_t))
        if (lower_word(a.data + i) != lower_word(b.data + i))
            return false;
    for (; i < a.len; i++)
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
