/* SPDX-License-Identifier: MIT */
/* SipHash-2-4, 128 bits. */
#include "base/fingerprint.h"

struct sip {
    uint64_t v[4];
};

static uint64_t sip_rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_rounds(struct sip *sip, unsigned count)
{
    uint64_t *v = sip->v;

    while (count-- > 0) {
        v[0] += v[1];
        v[1] = sip_rotate(v[1], 13) ^ v[0];
        v[0] = sip_rotate(v[0], 32);
        v[2] += v[3];
        v[3] = sip_rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = sip_rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = sip_rotate(v[1], 17) ^ v[2];
        v[2] = sip_rotate(v[2], 32);
    }
}

static void sip_take(struct sip *sip, uint64_t word)
{
    sip->v[3] ^= word;
    sip_rounds(sip, 2);
    sip->v[0] ^= word;
}

static uint64_t sip_word(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static uint64_t sip_result(struct sip *sip, unsigned which)
{
    sip->v[which] ^= which == 2 ? 0xee : 0xdd;
    sip_rounds(sip, 4);
    return sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
}

struct fingerprint fingerprint_of(const unsigned char key[FINGERPRINT_KEY], struct slice bytes)
{
    uint64_t k0 = sip_word(key, 8);
    uint64_t k1 = sip_word(key + 8, 8);
    struct sip sip = {{k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du ^ 0xee,
                       k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u}};
    uint64_t last = (uint64_t)bytes.len << 56;
    struct fingerprint result;

    for (; bytes.len >= 8; bytes = slice_from(bytes, 8))
        sip_take(&sip, sip_word(bytes.data, 8));
    sip_take(&sip, last | sip_word(bytes.data, bytes.len));
    result.low = sip_result(&sip, 2);
    result.high = sip_result(&sip, 1);
    return result;
}
