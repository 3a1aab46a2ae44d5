/* SPDX-License-Identifier: MIT */
/* Counts by key: exact over workers, given back, and safe whatever the memory says. */
#include "cells/counts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (4 * COUNTS_LEAST)

static void *new_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

static struct cells_counts view(void *memory, size_t size, uint32_t column)
{
    struct cells_counts counts = {.key = "0123456789abcde"};

    counts_init(&counts, memory, size, column);
    return counts;
}

Test(counts, a_limit_holds_over_all_workers)
{
    void *memory = new_memory(SIZE);
    struct cells_counts a = view(memory, SIZE, 0), b = view(memory, SIZE, 127);
    uint64_t hash = counts_hash(&a, SLICE("key"));

    cr_assert_eq(hash, counts_hash(&b, SLICE("key")));
    cr_assert_eq(counts_take(&a, hash, 3), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&b, hash, 3), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&b, hash, 3), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&a, hash, 3), COUNTS_FULL);
    cr_assert_eq(counts_take(&b, hash, 3), COUNTS_FULL);
    cr_assert_eq(counts_total(&a, hash), 3);
    counts_give(&b, hash);
    cr_assert_eq(counts_total(&a, hash), 2);
    cr_assert_eq(counts_take(&a, hash, 3), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&a, hash, 3), COUNTS_FULL);
    munmap(memory, SIZE);
}

Test(counts, keys_do_not_count_for_each_other)
{
    void *memory = new_memory(COUNTS_LEAST);
    struct cells_counts counts = view(memory, COUNTS_LEAST, 1);
    uint64_t a = counts_hash(&counts, SLICE("a")), b = counts_hash(&counts, SLICE("b"));

    cr_assert_eq(counts_take(&counts, a, 1), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&counts, b, 1), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&counts, a, 1), COUNTS_FULL);
    counts_give(&counts, a);
    cr_assert_eq(counts_total(&counts, a), 0);
    cr_assert_eq(counts_total(&counts, b), 1);
    munmap(memory, COUNTS_LEAST);
}

Test(counts, what_nobody_has_is_not_given_back)
{
    void *memory = new_memory(COUNTS_LEAST);
    struct cells_counts a = view(memory, COUNTS_LEAST, 0), b = view(memory, COUNTS_LEAST, 1);
    uint64_t hash = counts_hash(&a, SLICE("key"));

    counts_give(&a, hash);
    cr_assert_eq(counts_total(&a, hash), 0);
    cr_assert_eq(counts_take(&b, hash, 5), COUNTS_TAKEN);
    counts_give(&a, hash); /* it is b's */
    cr_assert_eq(counts_total(&a, hash), 1);
    munmap(memory, COUNTS_LEAST);
}

Test(counts, a_full_table_has_no_room_and_gets_it_back)
{
    void *memory = new_memory(COUNTS_LEAST);
    struct cells_counts counts = view(memory, COUNTS_LEAST, 3);
    uint64_t hashes[129];
    char key[16];

    for (int i = 0; i < 129; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        hashes[i] = counts_hash(&counts, slice_of(key));
        cr_assert_eq(counts_take(&counts, hashes[i], 9), i < 128 ? COUNTS_TAKEN : COUNTS_NO_ROOM);
    }
    cr_assert_eq(counts_take(&counts, hashes[5], 9), COUNTS_TAKEN);
    counts_give(&counts, hashes[7]);
    cr_assert_eq(counts_take(&counts, hashes[128], 9), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&counts, hashes[7], 9), COUNTS_NO_ROOM);
    munmap(memory, COUNTS_LEAST);
}

Test(counts, one_key_of_all_workers_there_can_be_fits)
{
    void *memory = new_memory(COUNTS_LEAST);
    uint64_t hash = 0;

    for (uint32_t column = 0; column < 128; column++) {
        struct cells_counts counts = view(memory, COUNTS_LEAST, column);

        hash = counts_hash(&counts, SLICE("key"));
        cr_assert_eq(counts_take(&counts, hash, 128), COUNTS_TAKEN);
    }
    for (uint32_t column = 0; column < 128; column++) {
        struct cells_counts counts = view(memory, COUNTS_LEAST, column);

        cr_assert_eq(counts_take(&counts, hash, 128 - column), COUNTS_FULL);
        counts_give(&counts, hash);
        cr_assert_eq(counts_total(&counts, hash), 127 - column);
    }
    munmap(memory, COUNTS_LEAST);
}

Test(counts, a_dead_worker_gives_back_all_and_others_nothing)
{
    uint64_t *memory = new_memory(SIZE);
    struct cells_counts dead = view(memory, SIZE, 4), other = view(memory, SIZE, 5);
    uint64_t a = counts_hash(&dead, SLICE("a")), b = counts_hash(&dead, SLICE("b"));

    counts_take(&dead, a, 9);
    counts_take(&dead, a, 9);
    counts_take(&dead, b, 9);
    counts_take(&other, a, 9);
    counts_clear(memory, SIZE / sizeof(*memory), 4, 5);
    cr_assert_eq(counts_total(&other, a), 1);
    cr_assert_eq(counts_total(&other, b), 0);
    munmap(memory, SIZE);
}

/* One that died while it wanted the last one holds nobody up. */
Test(counts, a_wish_without_a_worker_ends)
{
    uint64_t *memory = new_memory(COUNTS_LEAST);
    struct cells_counts counts = view(memory, COUNTS_LEAST, 0),
                        dead = view(memory, COUNTS_LEAST, 9);
    uint64_t hash = counts_hash(&counts, SLICE("key"));

    counts_take(&dead, hash, 1);
    for (unsigned i = 0; i < 128; i++) {
        if (memory[i] != 0)
            memory[i] = (memory[i] & ~UINT64_C(0x3ffff)) | UINT64_C(1) << 18;
    }
    cr_assert_eq(counts_total(&counts, hash), 0);
    cr_assert_eq(counts_take(&counts, hash, 1), COUNTS_FULL);
    cr_assert_eq(counts_take(&counts, hash, 2), COUNTS_TAKEN);
    counts_clear(memory, 128, 9, 10);
    cr_assert_eq(counts_take(&counts, hash, 2), COUNTS_TAKEN);
    munmap(memory, COUNTS_LEAST);
}

Test(counts, garbage_is_survived)
{
    uint64_t *memory = new_memory(SIZE);
    struct cells_counts counts = view(memory, SIZE, 0);

    for (int fill = 0; fill < 2; fill++) {
        memset(memory, fill ? 0xff : 0xa5, SIZE);
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t hash = counts_hash(&counts, (struct slice){(const char *)&i, sizeof(i)});

            if (counts_take(&counts, hash, 7) == COUNTS_TAKEN)
                counts_give(&counts, hash);
            counts_give(&counts, hash);
        }
    }
    munmap(memory, SIZE);
}

/* All take and give as quickly as they can: never more than the limit, and none is lost. */
Test(counts, workers_at_once_are_held_exactly)
{
    enum { WORKERS = 4, ROUNDS = 20000, LIMIT = 2 };
    uint64_t *memory = new_memory(COUNTS_LEAST + 4096);
    uint32_t *inside = (uint32_t *)((char *)memory + COUNTS_LEAST);
    struct cells_counts counts = view(memory, COUNTS_LEAST, 100);
    uint64_t hash = counts_hash(&counts, SLICE("key"));
    int status;

    for (uint32_t worker = 0; worker < WORKERS; worker++) {
        if (fork() != 0)
            continue;
        counts = view(memory, COUNTS_LEAST, worker);
        for (unsigned taken = 0, round = 0; round < ROUNDS; round++) {
            if (counts_take(&counts, hash, LIMIT) != COUNTS_TAKEN)
                continue;
            if (__atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST) > LIMIT)
                _exit(1);
            __atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
            counts_give(&counts, hash);
            taken++;
        }
        _exit(0);
    }
    for (int worker = 0; worker < WORKERS; worker++) {
        cr_assert_gt(wait(&status), 0);
        cr_assert_eq(status, 0, "more than the limit were held");
    }
    cr_assert_eq(counts_total(&counts, hash), 0);
    munmap(memory, COUNTS_LEAST + 4096);
}
