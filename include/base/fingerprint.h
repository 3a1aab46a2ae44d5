/* SPDX-License-Identifier: MIT */
/* A keyed hash of bytes, for telling whether they are the same as before without keeping them. */
#ifndef BASE_FINGERPRINT_H
#define BASE_FINGERPRINT_H

#include "base/slice.h"

#define FINGERPRINT_KEY 16 /* bytes; random ones, which nobody else knows */

struct fingerprint {
    uint64_t low;
    uint64_t high;
};

/* SipHash-2-4 with 128 bits (Aumasson and Bernstein): who does not know the key finds no two inputs
 * of one fingerprint. */
struct fingerprint fingerprint_of(const unsigned char key[FINGERPRINT_KEY], struct slice bytes);

static inline bool fingerprint_equal(struct fingerprint a, struct fingerprint b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
