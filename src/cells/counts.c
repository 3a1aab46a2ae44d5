/* SPDX-License-Identifier: MIT */
/* Counts by key in shared memory. An entry is one word: the key's tag, the worker's column, what
 * that worker has, and whether it wants one more at this moment. Any process may write anything
 * there: whatever the words say, a walk is as long as a bucket. */
#include "cells/counts.h"

#include <stdbool.h>

/* Large enough for one key of as many workers as there can be. */
#define BUCKET      128
#define BUCKET_SIZE (BUCKET * sizeof(uint64_t))
_Static_assert(BUCKET_SIZE == COUNTS_LEAST, "a table is whole buckets");

/* tag: 38 bits | column: 7 | wants: 1 | count: 18. Without count and want it is free: 0. */
#define COUNT_MASK   ((uint64_t)COUNTS_MAX)
#define WANTS        (UINT64_C(1) << 18)
#define COLUMN_SHIFT 19
#define COLUMN_MASK  (UINT64_C(127) << COLUMN_SHIFT)
#define OWNER_MASK   (~(COUNT_MASK | WANTS))
#define TAG_MASK     (OWNER_MASK & ~COLUMN_MASK)

/* How often two workers that want the last one stand back for each other. A worker that was stopped
 * in between, or is not honest, holds up nobody for longer. */
#define ATTEMPTS 1000

/* What a bucket says of one key. */
struct tally_of_key {
    uint64_t held;
    uint64_t wanted; /* by how many workers, this one included */
    uint64_t *own;   /* this worker's entry; NULL: it has none */
};

void counts_init(struct cells_counts *counts, void *memory, uint64_t size, uint32_t column)
{
    counts->words = memory;
    counts->buckets = size / BUCKET_SIZE;
    counts->column = column;
}

uint64_t counts_hash(const struct cells_counts *counts, struct slice key)
{
    return fingerprint_of(counts->key, key).low;
}

/* The low half chooses the bucket, the tag lies above. */
static uint64_t *counts_bucket(const struct cells_counts *counts, uint64_t hash)
{
    return counts->words + (hash & UINT32_MAX) * counts->buckets / (UINT64_C(1) << 32) * BUCKET;
}

static uint64_t counts_owner(const struct cells_counts *counts, uint64_t hash)
{
    /* The hash's bits that choose no bucket are 32: six more come of those that do. */
    return (hash & TAG_MASK) | ((uint64_t)counts->column << COLUMN_SHIFT);
}

static uint64_t word_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static bool word_swap(uint64_t *word, uint64_t before, uint64_t after)
{
    return __atomic_compare_exchange_n(word, &before, after, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static struct tally_of_key counts_look(const struct cells_counts *counts, uint64_t hash)
{
    uint64_t *bucket = counts_bucket(counts, hash);
    uint64_t owner = counts_owner(counts, hash);
    struct tally_of_key tally = {0, 0, NULL};

    for (unsigned i = 0; i < BUCKET; i++) {
        uint64_t word = word_load(&bucket[i]);

        if (word == 0 || ((word ^ owner) & TAG_MASK) != 0)
            continue;
        tally.held += word & COUNT_MASK;
        tally.wanted += (word & WANTS) != 0;
        if ((word & OWNER_MASK) == owner)
            tally.own = &bucket[i];
    }
    return tally;
}

/* Says that this worker wants one more. NULL when there is no room for an entry of it. */
static uint64_t *counts_want(struct cells_counts *counts, uint64_t hash, uint64_t *own)
{
    uint64_t *bucket = counts_bucket(counts, hash);
    uint64_t owner = counts_owner(counts, hash);

    if (own) {
        __atomic_store_n(own, owner | (word_load(own) & COUNT_MASK) | WANTS, __ATOMIC_SEQ_CST);
        return own;
    }
    for (unsigned i = 0; i < BUCKET; i++) {
        if (word_load(&bucket[i]) == 0 && word_swap(&bucket[i], 0, owner | WANTS))
            return &bucket[i];
    }
    return NULL;
}

/* Wants no more, and has got `more` (0 or 1). */
static void counts_settle(struct cells_counts *counts, uint64_t hash, uint64_t *own, unsigned more)
{
    uint64_t count = (word_load(own) & COUNT_MASK) + more;

    __atomic_store_n(own, count ? counts_owner(counts, hash) | count : 0, __ATOMIC_SEQ_CST);
}

/* Not the same for two workers, so that one is quicker. */
static void counts_stand_back(const struct cells_counts *counts)
{
    for (volatile uint32_t i = 0; i <= counts->column; i++)
        ;
}

/* Who wants one says so before it looks. Of two that want the last one, at least one sees the other
 * and withdraws; nobody who looks in between takes a wish for something that is held. */
enum counts_verdict counts_take(struct cells_counts *counts, uint64_t hash, uint32_t limit)
{
    struct tally_of_key tally = counts_look(counts, hash);

    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t *own;

        if (tally.held >= limit || (tally.own && (word_load(tally.own) & COUNT_MASK) == COUNTS_MAX))
            return COUNTS_FULL;
        own = counts_want(counts, hash, tally.own);
        if (!own)
            return COUNTS_NO_ROOM;
        tally = counts_look(counts, hash);
        if (tally.held + tally.wanted <= limit) {
            counts_settle(counts, hash, own, 1);
            return COUNTS_TAKEN;
        }
        counts_settle(counts, hash, own, 0);
        counts_stand_back(counts);
        tally = counts_look(counts, hash);
    }
    return COUNTS_FULL;
}

void counts_give(struct cells_counts *counts, uint64_t hash)
{
    struct tally_of_key tally = counts_look(counts, hash);
    uint64_t count = tally.own ? word_load(tally.own) & COUNT_MASK : 0;

    if (count > 0)
        __atomic_store_n(tally.own, count > 1 ? counts_owner(counts, hash) | (count - 1) : 0,
                         __ATOMIC_SEQ_CST);
}

uint32_t counts_total(const struct cells_counts *counts, uint64_t hash)
{
    return (uint32_t)counts_look(counts, hash).held; /* BUCKET * COUNTS_MAX fits */
}

void counts_clear(uint64_t *words, uint64_t count, uint32_t first, uint32_t end)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word = word_load(&words[i]);
        uint64_t column = (word & COLUMN_MASK) >> COLUMN_SHIFT;

        if (word != 0 && column >= first && column < end)
            word_swap(&words[i], word, 0);
    }
}
