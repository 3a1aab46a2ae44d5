/* SPDX-License-Identifier: MIT */
/* A slice is a view of bytes that somebody else owns: a pointer and a length, no terminator. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *data; /* may be NULL only when len is 0 */
    size_t len;       /* bytes */
};

/* printf("%.*s", SLICE_PRINTF(s)) */
#define SLICE_PRINTF(s) (int)(s).len, (s).data

/* A slice of a string literal, usable as an initializer of automatic variables. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII case only, whatever the locale. */
bool slice_equal_nocase(struct slice a, struct slice b);

/* Order as memcmp has it, the shorter first when one is the other's prefix. */
int slice_compare(struct slice a, struct slice b);

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

static inline bool slice_ends_with(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len) == 0;
}

/* The part from offset on; empty when offset is past the end. */
static inline struct slice slice_from(struct slice s, size_t offset)
{
    return offset >= s.len ? (struct slice){s.data + s.len, 0}
                           : (struct slice){s.data + offset, s.len - offset};
}

/* The first len bytes, or all of them when there are fewer. */
static inline struct slice slice_head(struct slice s, size_t len)
{
    return (struct slice){s.data, len < s.len ? len : s.len};
}

/* Without leading and trailing spaces and tabs (OWS of RFC 9110 section 5.6.3). */
struct slice slice_trim(struct slice s);

/* How many bytes at the start are among the characters of `set`. */
size_t slice_span(struct slice s, const char *set);

static inline bool slice_is_only(struct slice s, const char *set)
{
    return slice_span(s, set) == s.len;
}

static inline bool slice_has(struct slice s, char c)
{
    return s.len > 0 && memchr(s.data, c, s.len);
}

/* Sets for these, ASCII: write further characters behind them. */
#define SLICE_DIGITS "0123456789"
#define SLICE_ALPHANUMERIC                                                                         \
    SLICE_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                                      \
                 "abcdefghijklmnopqrstuvwxyz"

/* A decimal number of digits only, at most max. Returns 0, or -1 when it is empty, has another
 * character or is larger. */
int slice_to_u64(struct slice s, uint64_t max, uint64_t *value);

/* The decimal digits of a number, written to the end of `digits`, which the slice points into. */
#define SLICE_U64_DIGITS 20
struct slice slice_of_u64(uint64_t number, char digits[SLICE_U64_DIGITS]);

#endif
