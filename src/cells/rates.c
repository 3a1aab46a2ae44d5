/* SPDX-License-Identifier: MIT */
/* Leaky buckets in shared memory. Any process may write anything there: whatever the slots say, a
 * walk is as long as a bucket, and so is a number of attempts. */
#include "cells/rates.h"

#include <stdbool.h>
#include <time.h>

#define BUCKET   8
#define ATTEMPTS 16

struct rates_slot {
    uint64_t hash; /* 0: free */
    uint64_t state;
};
_Static_assert(BUCKET * sizeof(struct rates_slot) == RATES_LEAST, "a table is whole buckets");

/* state: milliseconds, 36 bits, so that they come round after two years | excess: 28 */
#define EXCESS_BITS 28
#define EXCESS_MASK ((uint64_t)RATES_MAX)
#define TIME_BITS   36
#define TIME_MASK   ((UINT64_C(1) << TIME_BITS) - 1)

/* As nginx has it: a clock that is a little behind another process' stands still, one that is far
 * behind was set back. */
#define CLOCK_BACK (-60000)
/* Milliseconds after which any excess of any rate is gone, or as good as. */
#define LONG_AGO INT32_MAX

void rates_init(struct cells_rates *rates, void *memory, uint64_t size)
{
    rates->slots = memory;
    rates->buckets = size / RATES_LEAST;
}

uint64_t rates_hash(const struct cells_rates *rates, struct slice key)
{
    uint64_t hash = fingerprint_of(rates->key, key).low;

    return hash ? hash : 1;
}

uint64_t rates_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct rates_slot *rates_bucket(const struct cells_rates *rates, uint64_t hash)
{
    return rates->slots + (hash & UINT32_MAX) * rates->buckets / (UINT64_C(1) << 32) * BUCKET;
}

static uint64_t slot_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool slot_swap(uint64_t *word, uint64_t before, uint64_t after)
{
    return __atomic_compare_exchange_n(word, &before, after, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* ---- states ---- */

static uint64_t state_of(uint64_t now, uint64_t excess)
{
    return (now & TIME_MASK) << EXCESS_BITS | excess;
}

/* Milliseconds since its last change, by the nearer way round. */
static int64_t state_age(uint64_t state, uint64_t now)
{
    uint64_t age = (now - (state >> EXCESS_BITS)) & TIME_MASK;

    return age >> (TIME_BITS - 1) ? (int64_t)age - (INT64_C(1) << TIME_BITS) : (int64_t)age;
}

/* With one more, as nginx reckons (ngx_http_limit_req_module). */
static uint64_t state_next(uint64_t state, const struct rates_ask *ask)
{
    int64_t age = state_age(state, ask->now);
    int64_t excess = (int64_t)(state & EXCESS_MASK);

    if (age < CLOCK_BACK)
        age = 1;
    else if (age < 0)
        age = 0;
    else if (age > LONG_AGO)
        age = LONG_AGO;
    excess = excess - (int64_t)ask->rate * age / 1000 + 1000;
    if (excess < 0)
        excess = 0;
    if (excess > RATES_MAX)
        excess = RATES_MAX;
    return state_of(age ? ask->now : state >> EXCESS_BITS, (uint64_t)excess);
}

/* ---- slots ---- */

static struct rates_slot *rates_find(const struct cells_rates *rates, uint64_t hash)
{
    struct rates_slot *bucket = rates_bucket(rates, hash);

    for (unsigned i = 0; i < BUCKET; i++) {
        if (slot_load(&bucket[i].hash) == hash)
            return &bucket[i];
    }
    return NULL;
}

static struct rates_slot *rates_stalest(const struct cells_rates *rates, uint64_t hash,
                                        uint64_t now)
{
    struct rates_slot *bucket = rates_bucket(rates, hash), *stalest = bucket;
    int64_t most = INT64_MIN;

    for (unsigned i = 0; i < BUCKET; i++) {
        int64_t age = state_age(slot_load(&bucket[i].state), now);

        if (slot_load(&bucket[i].hash) == 0)
            return &bucket[i];
        if (age > most) {
            most = age;
            stalest = &bucket[i];
        }
    }
    return stalest;
}

/* A slot for a key that has none, with no excess: this one is accounted. NULL: another worker has
 * been quicker, and there may be one now. Two workers that add the same key choose the same place,
 * or see each other afterwards: the first place counts. */
static struct rates_slot *rates_add(struct cells_rates *rates, uint64_t hash, uint64_t now)
{
    struct rates_slot *slot = rates_stalest(rates, hash, now);
    uint64_t before = slot_load(&slot->hash);
    uint64_t state = slot_load(&slot->state);

    if (!slot_swap(&slot->hash, before, hash))
        return NULL;
    if (rates_find(rates, hash) != slot) {
        slot_swap(&slot->hash, hash, 0);
        return NULL;
    }
    return slot_swap(&slot->state, state, state_of(now, 0)) ? slot : NULL;
}

/* Accounts one if it is within the burst. Under attempts that are all in vain it is judged by what
 * was last seen. */
static bool rates_change(struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask,
                         uint32_t *excess)
{
    *excess = 0;
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct rates_slot *slot = rates_find(rates, hash);
        uint64_t state, next;

        if (!slot) {
            if (rates_add(rates, hash, ask->now))
                return true;
            continue;
        }
        state = slot_load(&slot->state);
        next = state_next(state, ask);
        *excess = (uint32_t)(next & EXCESS_MASK);
        if (*excess > ask->burst)
            return false;
        if (slot_swap(&slot->state, state, next))
            return true;
    }
    return true;
}

bool rates_take(struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask,
                uint32_t *excess)
{
    return rates_change(rates, hash, ask, excess);
}

bool rates_look(const struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask,
                uint32_t *excess)
{
    const struct rates_slot *slot = rates_find(rates, hash);

    *excess = slot ? (uint32_t)(state_next(slot_load(&slot->state), ask) & EXCESS_MASK) : 0;
    return *excess <= ask->burst;
}

uint32_t rates_account(struct cells_rates *rates, uint64_t hash, const struct rates_ask *ask)
{
    struct rates_ask any = *ask;
    uint32_t excess;

    any.burst = RATES_MAX;
    rates_change(rates, hash, &any, &excess);
    return excess;
}
