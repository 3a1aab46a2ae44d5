/* SPDX-License-Identifier: MIT */
/* Spares: taken again, bounded, and trimmed when nobody needs them. */
#include "base/spares.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static struct spares spares;

static void start(void)
{
    spares_init(&spares);
}

static void stop(void)
{
    spares_free(&spares);
}

TestSuite(spares, .init = start, .fini = stop);

static unsigned kept(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SPARES_MAX / SPARES_STEP; i++)
        count += spares.classes[i].count;
    return count;
}

/* So many at once. */
static void burst(unsigned count, size_t size)
{
    void *objects[4000];
    for (unsigned i = 0; i < count; i++)
        memset(objects[i] = spares_take(&spares, size), 0xaa, size);
    for (unsigned i = 0; i < count; i++)
        spares_give(&spares, objects[i], size);
}

Test(spares, what_was_given_is_taken_again)
{
    void *first = spares_take(&spares, 100);
    cr_assert_eq((uintptr_t)first % _Alignof(max_align_t), 0);
    spares_give(&spares, first, 100);
    cr_assert_eq(spares_take(&spares, 128), first, "the same step");
    void *larger = spares_take(&spares, 129);
    cr_assert_neq(larger, first);
    spares_give(&spares, larger, 129);
    spares_give(&spares, first, 128);
    cr_assert_eq(kept(), 2);
}

Test(spares, every_size_up_to_the_largest)
{
    for (size_t size = 1; size <= SPARES_MAX; size++)
        burst(3, size);
    cr_assert_eq(kept(), 3 * SPARES_MAX / SPARES_STEP);
}

Test(spares, a_burst_is_kept_within_bounds)
{
    burst(4000, 64);
    cr_assert_leq(kept(), 1024);
}

Test(spares, what_nobody_needs_goes_and_what_is_needed_stays)
{
    burst(500, 200);
    spares_trim(&spares); /* the burst was in this time */
    burst(20, 200);
    cr_assert_eq(kept(), 500);
    spares_trim(&spares);
    cr_assert_eq(kept(), 20);
    burst(20, 200);
    spares_trim(&spares);
    cr_assert_eq(kept(), 20, "a steady flow allocates nothing");
    spares_trim(&spares);
    cr_assert_eq(kept(), 0);
}
