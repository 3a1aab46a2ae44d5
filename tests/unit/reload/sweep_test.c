/* SPDX-License-Identifier: MIT */
/* Counts of dead workers: given back in pieces, of a tenant at once when it is needed. */
#include "reload/sweep.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TENANTS 500
#define KEYS    20

static struct loop loop;
static struct registry registry;
static struct sweep sweep;

static void open_all(void)
{
    const struct cells_want want = {CELLS_COUNTS, SLICE("zone"), 1 << 20};
    char name[16];

    loop_init(&loop);
    sweep_init(&sweep, &loop, &registry);
    for (unsigned i = 0; i < TENANTS; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        struct record *record = registry_add(&registry, slice_of(name), "/t.conf", NULL);
        if (i != 1) /* which has no limits */
            cr_assert_eq(cells_fit(&record->cells, &want, 1, record_random), 0);
    }
}

static void close_all(void)
{
    sweep_free(&sweep);
    registry_free(&registry);
    loop_free(&loop);
}

TestSuite(sweep, .init = open_all, .fini = close_all);

/* What workers of all columns have of a key, after that one has taken so many more. */
static uint32_t taken(const struct record *record, uint32_t column, unsigned key, unsigned more)
{
    struct cells_map *map =
        cells_map_new(record->cells.fd, record->cells.regions, record->cells.count, column);
    struct cells_counts *counts = cells_map_counts(map, SLICE("zone"));
    uint64_t hash = counts_hash(counts, (struct slice){(const char *)&key, sizeof(key)});
    uint32_t total;

    while (more-- > 0)
        cr_assert_eq(counts_take(counts, hash, 100), COUNTS_TAKEN);
    total = counts_total(counts, hash);
    cells_map_free(map);
    return total;
}

static struct record *find(const char *name)
{
    return registry_find(&registry, slice_of(name));
}

static bool is_pending(void)
{
    return pending_first(&loop, PENDING_UPGRADE);
}

static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
}

Test(sweep, what_the_dead_had_is_given_back_and_nothing_else)
{
    REGISTRY_FOREACH (record, &registry) {
        if (record->cells.fd < 0)
            continue;
        taken(record, 3, 0, 1);
        taken(record, TALLY_WORKERS + 3, 0, 2);
    }
    cr_assert_not(is_pending());
    sweep_begin(&sweep, TALLY_WORKERS + 3);
    cr_assert(is_pending());
    while (is_pending())
        turn();
    REGISTRY_FOREACH (record, &registry) {
        if (record->cells.fd >= 0)
            cr_assert_eq(taken(record, 0, 0, 0), 1);
    }
    sweep_begin(&sweep, 3);
    while (is_pending())
        turn();
    cr_assert_eq(taken(find("t0"), 0, 0, 0), 0);
}

Test(sweep, it_takes_many_turns_and_who_is_needed_comes_first)
{
    struct record *last = find("t499");
    unsigned turns = 0;

    REGISTRY_FOREACH (record, &registry) {
        for (unsigned key = 0; record->cells.fd >= 0 && key < KEYS; key++)
            taken(record, 3, key, 1);
    }
    sweep_begin(&sweep, 3);
    cr_assert_eq(taken(last, 4, 0, 1), 2);
    sweep_record(last);
    cr_assert_eq(taken(last, 4, 0, 1), 2, "the new worker's own");
    for (; is_pending(); turns++)
        turn();
    cr_assert_gt(turns, 3, "events come in between");
    cr_assert_eq(taken(last, 4, 0, 0), 2);
    cr_assert_eq(taken(find("t0"), 0, KEYS - 1, 0), 0);
}

Test(sweep, a_tenant_that_goes_in_the_middle_is_forgotten)
{
    REGISTRY_FOREACH (record, &registry) {
        if (record->cells.fd >= 0)
            taken(record, 3, 0, 1);
    }
    sweep_begin(&sweep, 3);
    registry_remove(&registry, find("t7"));
    turn();
    registry_remove(&registry, find("t499"));
    while (is_pending())
        turn();
    cr_assert_eq(taken(find("t498"), 0, 0, 0), 0);
}
