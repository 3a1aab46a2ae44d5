/* SPDX-License-Identifier: MIT */
/* Files as others read them: of another version, or written by who is hostile. */
#include "rig.h"
#include "source_internal.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
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

TestSuite(source, .init = begin, .fini = end);

Test(source, cells_of_another_version_are_found_by_what_they_count)
{
    struct metrics_header *header = metrics_header(rig.workers[0].memory);
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    uint32_t *ids = header->ids + header->regions[METRIC_SCOPE_GATEWAY].cells +
                    header->regions[METRIC_SCOPE_WORKER].cells;
    uint32_t accepted = metrics_places[METRIC_ACCEPTED].first;
    uint32_t sent = metrics_places[METRIC_SENT].first;
    uint32_t id = ids[accepted];

    metrics_add(cells, METRIC_ACCEPTED, 5);
    metrics_add(cells, METRIC_SENT, 9);
    metrics_add(cells, METRIC_RECEIVED, 3);
    ids[accepted] = ids[sent];
    ids[sent] = id;
    ids[metrics_places[METRIC_RECEIVED].first] = 1;
    cr_assert_eq(metrics_reader_set(rig.reader, 0, rig.workers[0].memory,
                                    metrics_file_size(METRICS_OF_WORKER)),
                 0);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 9);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_SENT, 0), 5);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_RECEIVED, 0), 0,
                 "what we do not know counts nowhere");
    rig_bury(&rig, 0);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 9);
}

Test(source, a_damaged_description_is_refused)
{
    uint64_t size = metrics_file_size(METRICS_OF_WORKER);
    struct metrics_header *header = metrics_header(rig.workers[0].memory);
    struct metrics_header good = *header;
    struct metrics_source source;

    for (size_t i = 0; i < sizeof(header->regions); i++) {
        ((unsigned char *)header->regions)[i] ^= 0xff;
        if (source_open(&source, (char *)header, size) == 0) {
            for (unsigned scope = 0; scope < METRIC_SCOPES; scope++) {
                struct metrics_reading reading;
                uint32_t used = source_used(&source, (enum metric_scope)scope);

                if (used > 0)
                    source_read(&source, (enum metric_scope)scope, used - 1, &reading);
            }
        }
        *header = good;
    }
    cr_assert_eq(source_open(&source, (char *)header, sizeof(*header) - 1), -1);
    cr_assert_eq(source_open(&source, NULL, 0), -1);
    cr_assert_eq(metrics_reader_set(rig.reader, 0, (char *)header, sizeof(*header)), -1);
    cr_assert_eq(rig_look(&rig)->workers[0], NULL, "it is read no more");
}

Test(source, a_worker_counts_only_for_whom_it_serves)
{
    uint64_t owner = metrics_board_enter(&rig.board, 7, 12345678);
    struct metrics_cells *cells;

    metrics_board_set_text(&rig.board, 7, &(struct metrics_text){.name = SLICE("acme")});
    metrics_board_let(&rig.board, 7, 1);
    cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    metrics_add(cells, METRIC_ACCEPTED, 1000);
    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, owner, SLICE("u\0s"));
    cells = rig_take(&rig, 1, METRIC_SCOPE_TENANT, owner, SLICE(""));
    metrics_add(cells, METRIC_ACCEPTED, 1);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 1);
    cr_assert_eq(rig_look(&rig)->part_count, 0);
    rig_bury(&rig, 0);
    rig_bury(&rig, 1);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 1);
}

static void *observe(void *cells)
{
    for (unsigned i = 0; i < 200000; i++)
        metrics_observe(cells, METRIC_REQUEST_DURATION, 1.);
    return NULL;
}

/* Its writer does nothing else here, so that it needs more patience than a look has. */
Test(source, a_histogram_is_never_torn)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    struct metrics_source source;
    struct metrics_reading reading;
    uint64_t count = 0;
    pthread_t writer;

    cr_assert_eq(source_open(&source, rig.workers[0].memory, metrics_file_size(METRICS_OF_WORKER)),
                 0);
    cr_assert_eq(pthread_create(&writer, NULL, observe, cells), 0);
    while (count < 200000) {
        source.patience = UINT32_MAX;
        cr_assert(source_read(&source, METRIC_SCOPE_TENANT, 0, &reading));
        count = metrics_total(reading.cells, METRIC_REQUEST_DURATION);
        cr_assert_eq(metrics_value(reading.cells, METRIC_REQUEST_DURATION, 0), count * 1000000000);
    }
    pthread_join(writer, NULL);
}

Test(source, a_writer_that_died_in_the_middle_holds_nobody_up)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));

    metrics_add(cells, METRIC_ACCEPTED, 4);
    atomic_fetch_add(&cells->turn, 1);
    cr_assert_eq(metrics_value(rig_cells(&rig, "acme"), METRIC_ACCEPTED, 0), 4);
}

/* All slots of a worker's file are just being written, forever, in names that it may count for,
 * that others serve, and that nobody has. */
Test(source, a_hostile_writer_holds_nobody_up, .timeout = 60)
{
    const struct metrics_header *header = metrics_header(rig.workers[0].memory);
    uint64_t owners[] = {rig_tenant(&rig, 0, "acme"), rig_tenant(&rig, 1, "other"), 12345678};
    struct metrics_cells *cells = rig_take(&rig, 1, METRIC_SCOPE_TENANT, owners[1], SLICE(""));

    metrics_add(cells, METRIC_ACCEPTED, 4);
    for (unsigned scope = METRIC_SCOPE_TENANT; scope < METRIC_SCOPE_CERTIFICATE; scope++) {
        for (uint32_t i = 0; i < header->regions[scope].slots; i++) {
            cells = rig_take(&rig, 0, (enum metric_scope)scope, owners[i % 3], SLICE("u\0s"));
            atomic_fetch_add(&cells->turn, 1);
        }
    }
    cr_assert_eq(metrics_value(rig_cells(&rig, "other"), METRIC_ACCEPTED, 0), 4);
    cr_assert_eq(rig.snapshot->tenant_count, 2);
    rig_bury(&rig, 0);
    cr_assert_eq(metrics_value(rig_cells(&rig, "other"), METRIC_ACCEPTED, 0), 4);
}

Test(source, whose_a_slot_is_is_seen_without_reading_it)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    struct metrics_source source;

    cr_assert_eq(source_open(&source, rig.workers[0].memory, metrics_file_size(METRICS_OF_WORKER)),
                 0);
    cr_assert_eq(source_owner(&source, METRIC_SCOPE_TENANT, 0), owner);
    cells->scope = METRIC_SCOPE_LISTENER;
    cr_assert_eq(source_owner(&source, METRIC_SCOPE_TENANT, 0), 0, "it is none of that scope");
    cells->scope = METRIC_SCOPE_TENANT;
    metrics_release(&rig.workers[0], cells);
    cr_assert_eq(source_owner(&source, METRIC_SCOPE_TENANT, 0), 0);
}
