/* SPDX-License-Identifier: MIT */
/* What ended workers have counted stays, once. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct rig rig;

static void begin(void)
{
    rig_begin(&rig);
}

static void end(void)
{
    rig_end(&rig);
}

TestSuite(fold, .init = begin, .fini = end);

Test(fold, counters_and_histograms_stay_and_gauges_go)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    struct metrics_cells *other = rig_take(&rig, 1, METRIC_SCOPE_TENANT, owner, SLICE(""));

    metrics_add(cells, METRIC_ACCEPTED, 4);
    metrics_move(cells, METRIC_CONNECTIONS, 4);
    metrics_move(other, METRIC_CONNECTIONS, 1);
    metrics_observe(cells, METRIC_FIRST_BYTE, .5);
    rig_bury(&rig, 0);
    for (unsigned i = 0; i < 2; i++) { /* the next worker there counts on */
        const uint64_t *read = rig_cells(&rig, "acme");

        cr_assert_eq(metrics_value(read, METRIC_ACCEPTED, 0), 4 + i);
        cr_assert_eq(metrics_value(read, METRIC_CONNECTIONS, 0), 1);
        cr_assert_eq(metrics_total(read, METRIC_FIRST_BYTE), 1);
        metrics_board_let(&rig.board, 0, 0);
        if (i == 0)
            metrics_add(rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE("")), METRIC_ACCEPTED,
                        1);
    }
}

Test(fold, a_removed_tenants_figures_are_nobodys)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");

    metrics_add(rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE("")), METRIC_ACCEPTED, 4);
    metrics_board_leave(&rig.board, 0);
    cr_assert_null(rig_cells(&rig, "acme"));
    rig_tenant(&rig, 0, "next");
    rig_bury(&rig, 0);
    cr_assert_eq(metrics_value(rig_cells(&rig, "next"), METRIC_ACCEPTED, 0), 0);
}

Test(fold, an_endpoint_goes_on_where_it_was)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct slice name = SLICE("up\0"
                              "10.0.0.1:80");
    unsigned scope = METRIC_SCOPE_ENDPOINT;

    for (unsigned life = 0; life < 3; life++) {
        metrics_board_let(&rig.board, 0, 0);
        metrics_add(rig_take(&rig, 0, (enum metric_scope)scope, owner, name),
                    METRIC_ENDPOINT_REQUESTS, 10);
        rig_look(&rig);
        cr_assert_eq(rig.snapshot->part_count, 1);
        cr_assert_eq(metrics_value(rig.snapshot->parts[0].cells, METRIC_ENDPOINT_REQUESTS, 0),
                     10 * (life + 1));
        rig_bury(&rig, 0);
        cr_assert_eq(rig_look(&rig)->part_count, 0, "no worker that lives has it");
    }
}

/* All that a worker's file can hold, each slot left in the midst of a change: some hundred
 * milliseconds, where tries and searches without bound would take hours. */
Test(fold, a_worker_that_leaves_everything_odd_costs_little, .timeout = 60)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    uint32_t count = 4 * METRICS_TENANTS;
    struct metrics_cells *cells;

    for (unsigned life = 0; life < 2; life++) {
        metrics_board_let(&rig.board, 0, 0);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = life == 0 ? i : count - 1 - i;
            char name[16];

            snprintf(name, sizeof(name), "%u", number);
            cells = rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, owner, slice_of(name));
            metrics_add(cells, METRIC_ENDPOINT_REQUESTS, number);
            cells->turn = 1;
        }
        rig_bury(&rig, 0);
    }
    cells = rig_take(&rig, 1, METRIC_SCOPE_ENDPOINT, owner, SLICE("7"));
    rig_look(&rig);
    cr_assert_eq(rig.snapshot->part_count, 1);
    cr_assert_eq(metrics_value(rig.snapshot->parts[0].cells, METRIC_ENDPOINT_REQUESTS, 0), 14);
}

Test(fold, what_a_worker_counted_for_the_gateway_stays)
{
    metrics_move(metrics_worker(&rig.workers[1], 0), METRIC_WORKER_CONNECTIONS, 3);
    metrics_add(metrics_gateway(&rig.workers[1]), METRIC_UPGRADES, 2);
    rig_bury(&rig, 1);
    cr_assert_null(rig_look(&rig)->workers[1], "it does not live");
    cr_assert_eq(metrics_value(rig.snapshot->gateway, METRIC_UPGRADES, 0), 2);
    metrics_move(metrics_worker(&rig.workers[1], 0), METRIC_WORKER_CONNECTIONS, 1);
    cr_assert_eq(metrics_value(rig_look(&rig)->workers[1], METRIC_WORKER_CONNECTIONS, 0), 1);
}
