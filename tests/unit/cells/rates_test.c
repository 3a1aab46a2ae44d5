/* SPDX-License-Identifier: MIT */
/* Leaky buckets: nginx's arithmetic, replacement, and memory that says anything. */
#include "cells/rates.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 4096

static struct cells_rates rates_of(void *memory, size_t size)
{
    struct cells_rates rates = {.key = "0123456789abcde"};

    rates_init(&rates, memory, size);
    return rates;
}

static void *new_memory(void)
{
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

/* Each: milliseconds since the first, what is expected. */
struct step {
    uint64_t after;
    bool passes;
    uint32_t excess;
};

static void run(uint32_t rate, uint32_t burst, const struct step *steps, size_t count)
{
    void *memory = new_memory();
    struct cells_rates rates = rates_of(memory, SIZE);
    uint64_t hash = rates_hash(&rates, SLICE("192.0.2.1"));

    for (size_t i = 0; i < count; i++) {
        struct rates_ask ask = {1000000 + steps[i].after, rate, burst};
        uint32_t excess, looked;
        bool would = rates_look(&rates, hash, &ask, &looked);

        cr_expect_eq(rates_take(&rates, hash, &ask, &excess), steps[i].passes, "step %zu", i);
        cr_expect_eq(excess, steps[i].excess, "step %zu: %u", i, excess);
        cr_expect_eq(would, steps[i].passes);
        cr_expect_eq(looked, excess);
    }
    munmap(memory, SIZE);
}
#define RUN(rate, burst, ...)                                                                      \
    run(rate, burst, (const struct step[]){__VA_ARGS__},                                           \
        sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

/* rate=10r/s, no burst: one each 100 ms; a refused one is not accounted. */
Test(rates, without_burst)
{
    RUN(10000, 0, {0, true, 0}, {0, false, 1000}, {50, false, 500}, {99, false, 10}, {100, true, 0},
        {150, false, 500}, {201, true, 0});
}

/* rate=2r/s burst=3: 500 ms each */
Test(rates, with_burst)
{
    RUN(2000, 3000, {0, true, 0}, {0, true, 1000}, {0, true, 2000}, {0, true, 3000},
        {0, false, 4000}, {250, false, 3500}, {500, true, 3000}, {600, false, 3800},
        {2500, true, 0});
}

/* rate=30r/m is 500 thousandths a second */
Test(rates, by_the_minute)
{
    RUN(500, 0, {0, true, 0}, {1999, false, 1}, {2000, true, 0}, {86400000, true, 0});
}

/* Clocks of processes differ a little, and one that was set back counts as one millisecond. */
Test(rates, a_clock_that_goes_back)
{
    RUN(1000, 5000, {100000, true, 0}, {99990, true, 1000}, {100000, true, 2000},
        {10000, true, 2999});
}

Test(rates, account_knows_no_burst)
{
    void *memory = new_memory();
    struct cells_rates rates = rates_of(memory, SIZE);
    uint64_t hash = rates_hash(&rates, SLICE("key"));
    struct rates_ask ask = {5000, 1000, 0};

    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(rates_account(&rates, hash, &ask), i * 1000);
    ask.now += 10000;
    cr_assert_eq(rates_account(&rates, hash, &ask), 90000);
    munmap(memory, SIZE);
}

Test(rates, the_stalest_goes_when_there_is_no_room)
{
    void *memory = new_memory();
    struct cells_rates rates = rates_of(memory, RATES_LEAST);
    struct rates_ask ask = {1000, 1, 5000};
    uint64_t hashes[9];
    uint32_t excess;

    for (uint64_t i = 0; i < 9; i++) {
        hashes[i] = rates_hash(&rates, (struct slice){(const char *)&i, sizeof(i)});
        ask.now += 10;
        cr_assert(rates_take(&rates, hashes[i], &ask, &excess));
    }
    cr_assert(rates_look(&rates, hashes[1], &ask, &excess));
    cr_assert_geq(excess, 900, "the second oldest is still there");
    cr_assert(rates_look(&rates, hashes[0], &ask, &excess));
    cr_assert_eq(excess, 0, "the oldest is forgotten");
    munmap(memory, SIZE);
}

Test(rates, garbage_is_survived)
{
    void *memory = new_memory();
    struct cells_rates rates = rates_of(memory, SIZE);
    struct rates_ask ask = {123456789, UINT32_MAX, RATES_MAX};
    uint32_t excess;

    for (int fill = 0; fill < 2; fill++) {
        memset(memory, fill ? 0xff : 0x5a, SIZE);
        for (uint64_t i = 0; i < 1000; i++) {
            uint64_t hash = rates_hash(&rates, (struct slice){(const char *)&i, sizeof(i)});

            cr_assert(rates_take(&rates, hash, &ask, &excess));
            cr_assert_leq(rates_account(&rates, hash, &ask), RATES_MAX);
        }
    }
    munmap(memory, SIZE);
}

/* Of all that ask at one moment, as many pass as one process would let pass. */
Test(rates, workers_at_once_are_held_exactly)
{
    enum { WORKERS = 4, ASKED = 20000, BURST = 5000 };
    void *memory = new_memory();
    struct cells_rates rates = rates_of(memory, SIZE - 64);
    uint32_t *passed = (uint32_t *)((char *)memory + SIZE - 64);
    uint64_t hash = rates_hash(&rates, SLICE("key"));
    struct rates_ask ask = {777, 1, BURST * 1000};
    int status;

    for (uint32_t worker = 0; worker < WORKERS; worker++) {
        if (fork() != 0)
            continue;
        for (unsigned i = 0; i < ASKED; i++) {
            uint32_t excess;

            if (rates_take(&rates, hash, &ask, &excess))
                __atomic_add_fetch(passed, 1, __ATOMIC_SEQ_CST);
        }
        _exit(0);
    }
    for (int worker = 0; worker < WORKERS; worker++)
        cr_assert_gt(wait(&status), 0);
    cr_assert_eq(*passed, BURST + 1);
    munmap(memory, SIZE);
}
