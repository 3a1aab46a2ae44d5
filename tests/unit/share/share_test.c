/* SPDX-License-Identifier: MIT */
/* Shares: who has endless work gets it by weight, who was idle is served next and has saved
 * nothing. */
#include "share/share.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Pieces of random cost for whoever is next; those of `busy` always have more to do. */
static void serve(struct share_queue *queue, double seconds)
{
    for (double done = 0; done < seconds;) {
        struct share *share = share_next(queue);
        double cost = 0.00005 + (rand() % 200) * 1e-6;

        cr_assert(share);
        share_charge(share, cost);
        share_ready(queue, share);
        done += cost;
    }
}

Test(share, endless_work_is_served_by_weight)
{
    struct share_queue queue = {.virtual = 0};
    struct share shares[3];
    const uint32_t weights[3] = {100, 100, 300};

    srand(3);
    for (unsigned i = 0; i < 3; i++) {
        share_init(&shares[i], weights[i]);
        share_ready(&queue, &shares[i]);
    }
    serve(&queue, 10);
    cr_assert_float_eq(shares[0].charged / 2, 1, 0.01);
    cr_assert_float_eq(shares[1].charged / 2, 1, 0.01);
    cr_assert_float_eq(shares[2].charged / 6, 1, 0.01);
}

Test(share, weights_from_one_to_ten_thousand)
{
    struct share_queue queue = {.virtual = 0};
    struct share small, large;

    srand(4);
    share_init(&small, 1);
    share_init(&large, 10000);
    share_ready(&queue, &small);
    share_ready(&queue, &large);
    serve(&queue, 20);
    cr_assert_float_eq(small.charged, 0.002, 0.0005);
}

Test(share, a_weight_may_change_meanwhile)
{
    struct share_queue queue = {.virtual = 0};
    struct share a, b;

    srand(5);
    share_init(&a, 100);
    share_init(&b, 100);
    share_ready(&queue, &a);
    share_ready(&queue, &b);
    serve(&queue, 1);
    double before = a.charged;
    b.weight = 300;
    serve(&queue, 4);
    cr_assert_float_eq(a.charged - before, 1, 0.01);
}

Test(share, who_seldom_wakes_is_served_next)
{
    struct share_queue queue = {.virtual = 0};
    struct share busy[4], quiet;

    srand(6);
    share_init(&quiet, 100);
    for (unsigned i = 0; i < 4; i++) {
        share_init(&busy[i], 100);
        share_ready(&queue, &busy[i]);
    }
    for (unsigned round = 0; round < 200; round++) {
        serve(&queue, 0.01);
        share_ready(&queue, &quiet);
        struct share *next = share_next(&queue);
        unsigned others = 0;
        while (next != &quiet) {
            cr_assert_lt(others++, 4, "at most one piece of each");
            share_charge(next, 0.0001);
            share_ready(&queue, next);
            next = share_next(&queue);
        }
        share_charge(next, 0.0001);
    }
}

Test(share, idling_saves_nothing_up)
{
    struct share_queue queue = {.virtual = 0};
    struct share a, b;

    srand(8);
    share_init(&a, 100);
    share_init(&b, 100);
    share_ready(&queue, &a);
    serve(&queue, 5);
    share_ready(&queue, &b);
    serve(&queue, 1);
    cr_assert_float_eq(b.charged, 0.5, 0.01);
}

Test(share, what_it_owes_is_not_forgotten_by_a_short_rest)
{
    struct share_queue queue = {.virtual = 0};
    struct share a, b;

    share_init(&a, 100);
    share_init(&b, 100);
    share_ready(&queue, &a);
    share_ready(&queue, &b);
    struct share *first = share_next(&queue);
    share_charge(first, 0.004); /* and it has nothing left */
    struct share *second = share_next(&queue);
    share_charge(second, 0.001);
    share_ready(&queue, first);
    share_ready(&queue, second);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(share_next(&queue), second);
        share_charge(second, 0.000999);
        share_ready(&queue, second);
    }
}

Test(share, a_charge_is_capped)
{
    struct share_queue queue = {.virtual = 0};
    struct share share;

    share_init(&share, 100);
    share_ready(&queue, &share);
    share_charge(share_next(&queue), 3600);
    cr_assert_float_eq(share.charged, SHARE_CHARGE_MAX, 1e-9);
}

Test(share, thousands_of_shares)
{
    static struct share shares[10000];
    struct share_queue queue = {.virtual = 0};

    srand(9);
    for (unsigned i = 0; i < 10000; i++) {
        share_init(&shares[i], 100);
        share_ready(&queue, &shares[i]);
    }
    serve(&queue, 30);
    for (unsigned i = 0; i < 10000; i++)
        cr_assert_float_eq(shares[i].charged, 0.003, 0.0003);
    for (unsigned i = 0; i < 10000; i += 2)
        share_forget(&queue, &shares[i]);
    for (unsigned i = 0; i < 5000; i++)
        cr_assert_eq((share_next(&queue) - shares) % 2, 1);
    cr_assert(share_queue_is_empty(&queue));
    share_forget(&queue, &shares[0]);
    cr_assert_null(share_next(&queue));
}
