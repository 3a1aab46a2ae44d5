/* SPDX-License-Identifier: MIT */
/* Leaky buckets by key over all workers of a tenant, as nginx's limit_req has them: what a key has
 * done beyond its rate is its excess, in thousandths of one. No lock: an entry is changed by
 * compare-and-swap. The memory is bounded: a new key takes the place of that which has done nothing
 * for longest.
 *
 *     struct cells_rates *rates = cells_map_rates(map, name);         NULL: there is none
 *     struct rates_ask ask = {rates_now(), 10 * 1000, 20 * 1000};       10 a second, 20 at once
 *     if (!rates_take(rates, rates_hash(rates, key), &ask, &excess)) refuse;
 */
#ifndef CELLS_RATES_H
#define CELLS_RATES_H

#include "base/fingerprint.h"

#include <stdbool.h>

#define RATES_LEAST 128 /* bytes: one place of eight keys */

/* Thousandths: the largest excess that is told apart from more. */
#define RATES_MAX ((1u << 28) - 1)

struct rates_slot;

/* A view of the table; by value in who maps it. */
struct cells_rates {
    struct rates_slot *slots;
    uint64_t buckets;
    unsigned char key[FINGERPRINT_KEY];
};

struct rates_ask {
    uint64_t now;   /* milliseconds of CLOCK_MONOTONIC: rates_now */
    uint32_t rate;  /* thousandths a second */
    uint32_t burst; /* thousandths, at most RATES_MAX */
};

/* size: in bytes, at least RATES_LEAST; the slots are zeroed at first. */
void rates_init(struct cells_rates *rates, void *memory, uint64_t size);

uint64_t rates_hash(const struct cells_rates *rates, struct slice key);

uint64_t rates_now(void);

/* Whether one more of that key is within rate and burst; then it is accounted. *excess: what the
 * key has, or would have, with it. */
bool rates_take(struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask,
                uint32_t *excess);
/* The same question, and nothing is accounted. */
bool rates_look(const struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask,
                uint32_t *excess);
/* Accounts one, whatever the burst. Returns the excess. */
uint32_t rates_account(struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask);

#endif
