/* SPDX-License-Identifier: MIT */
/* All files at one moment: sums over workers, parts in order, one tenant alone. */
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

TestSuite(snapshot, .init = begin, .fini = end);

Test(snapshot, sums_over_workers)
{
    uint64_t owner = rig_tenant(&rig, 9, "acme");

    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        struct metrics_cells *cells = rig_take(&rig, i, METRIC_SCOPE_TENANT, owner, SLICE(""));
        struct metrics_cells *server =
            rig_take(&rig, i, METRIC_SCOPE_ENDPOINT, owner, SLICE("u\0s"));

        metrics_add(cells, METRIC_ACCEPTED, 10 + i);
        metrics_set(server, METRIC_ENDPOINT_UP, i == 1);
        metrics_add(server, METRIC_ENDPOINT_REQUESTS, 2);
    }
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 33);
    cr_assert_eq(rig.snapshot->part_count, 1);
    cr_assert_eq(metrics_value(rig.snapshot->parts[0].cells, METRIC_ENDPOINT_UP, 0), 1);
    cr_assert_eq(metrics_value(rig.snapshot->parts[0].cells, METRIC_ENDPOINT_REQUESTS, 0), 6);
}

Test(snapshot, parts_are_in_the_tenants_order_and_by_name)
{
    uint64_t b = rig_tenant(&rig, 2, "b"), a = rig_tenant(&rig, 1, "a");

    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, b, SLICE("u\0x"));
    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, a, SLICE("u\0y"));
    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, a, SLICE("u\0x"));
    rig_take(&rig, 0, METRIC_SCOPE_LISTENER, b, SLICE("0.0.0.0:443"));
    rig_look(&rig);
    cr_assert_eq(rig.snapshot->part_count, 4);
    cr_assert_eq(rig.snapshot->parts[0].scope, METRIC_SCOPE_LISTENER);
    cr_assert_eq(rig.snapshot->parts[1].tenant, 0);
    cr_assert_str_eq(rig.snapshot->parts[1].name + 2, "x");
    cr_assert_str_eq(rig.snapshot->parts[2].name + 2, "y");
    cr_assert_eq(rig.snapshot->parts[3].tenant, 1);
}

Test(snapshot, of_one_tenant_has_nothing_of_others)
{
    uint64_t a = rig_tenant(&rig, 1, "a"), b = rig_tenant(&rig, 2, "b");
    struct metrics_snapshot *one;

    metrics_add(rig_take(&rig, 0, METRIC_SCOPE_TENANT, a, SLICE("")), METRIC_ACCEPTED, 1);
    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, b, SLICE("u\0x"));
    one = metrics_snapshot_new(rig.reader, SLICE("a"));
    cr_assert_eq(one->tenant_count, 1);
    cr_assert_eq(one->part_count, 0);
    cr_assert_eq(metrics_value(one->tenants[0].cells, METRIC_ACCEPTED, 0), 1);
    metrics_snapshot_free(one);
    one = metrics_snapshot_new(rig.reader, SLICE("none"));
    cr_assert_eq(one->tenant_count, 0);
    metrics_snapshot_free(one);
}

/* Several answers may hold looks, so what each worker has of a part is not kept. */
Test(snapshot, keeps_no_more_for_more_workers)
{
    uint64_t owner = rig_tenant(&rig, 1, "a");
    size_t size[2];
    char name[32];

    for (unsigned worker = 0; worker < RIG_WORKERS; worker++) {
        for (unsigned i = 0; i < 9000; i++) {
            int len = snprintf(name, sizeof(name), "u%cserver-%u", '\0', i);

            rig_take(&rig, worker, METRIC_SCOPE_ENDPOINT, owner, (struct slice){name, (size_t)len});
        }
        size[worker > 0] = rig_look(&rig)->size;
        cr_assert_eq(rig.snapshot->part_count, 9000);
    }
    cr_assert_eq(size[0], size[1]);
    cr_assert_geq(size[0], 9000 * (METRICS_NAME + sizeof(struct metrics_endpoint_layout)));
}

Test(snapshot, of_one_tenant_is_small)
{
    struct metrics_snapshot *one;

    for (uint32_t i = 0; i < 1000; i++)
        rig_tenant(&rig, i, i == 500 ? "a" : "b");
    one = metrics_snapshot_new(rig.reader, SLICE("a"));
    cr_assert_eq(one->tenant_count, 1);
    cr_assert_eq(metrics_snapshot_find(one, 500), &one->tenants[0]);
    cr_assert_null(metrics_snapshot_find(one, 499));
    cr_assert_lt(one->size, 128 * 1024);
    metrics_snapshot_free(one);
}

Test(snapshot, of_a_board_that_is_being_changed_there_is_none)
{
    metrics_board_begin(&rig.board);
    cr_assert_null(metrics_snapshot_new(rig.reader, SLICE("")));
    metrics_board_end(&rig.board);
    rig_look(&rig);
    metrics_reader_set(rig.reader, METRICS_SOURCE_BOARD, NULL, 0);
    cr_assert_null(metrics_snapshot_new(rig.reader, SLICE("")), "and none without a board");
}
