/* SPDX-License-Identifier: MIT */
/* Files by who writes them: slots are taken and given back, and a number never counts for another.
 */
#include "rig.h"

#include "metrics/file_internal.h"

#include <criterion/criterion.h>
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

TestSuite(file, .init = begin, .fini = end);

Test(file, slots_are_dense_and_used_again)
{
    struct metrics_file *file = &rig.workers[0];
    struct metrics_cells *a = metrics_take(file, METRIC_SCOPE_TENANT, 1, SLICE(""));
    struct metrics_cells *b = metrics_take(file, METRIC_SCOPE_TENANT, 2, SLICE(""));
    struct metrics_cells *c;

    metrics_add(a, METRIC_ACCEPTED, 7);
    cr_assert_lt((char *)b - (char *)a, 256, "what counts nothing needs little");
    metrics_release(file, a);
    metrics_release(file, NULL);
    c = metrics_take(file, METRIC_SCOPE_TENANT, 3, SLICE(""));
    cr_assert_eq(c, a);
    cr_assert_eq(metrics_counted(c, METRIC_ACCEPTED, 0), 0, "it begins at nothing");
}

/* Blocks of cells are made when they are needed, and those of slots that were given back are used
 * before new ones. */
Test(file, cells_that_count_nothing_have_no_memory)
{
    struct metrics_file *file = &rig.workers[0];
    const struct metrics_header *header = metrics_header(file->memory);

    for (unsigned i = 0; i < 3; i++) {
        struct metrics_cells *cells = metrics_take(file, METRIC_SCOPE_TENANT, 1, SLICE(""));

        metrics_add(cells, METRIC_ACCEPTED, 0);
        metrics_set(cells, METRIC_DRAINING, 0);
        cr_assert_eq(header->block_used, i == 0 ? 0 : 2);
        metrics_add(cells, METRIC_SENT, 4);
        metrics_set_label(cells, METRIC_CLOSED, CLOSE_SHUTDOWN, 2);
        metrics_add(cells, METRIC_SENT, 1);
        cr_assert_eq(metrics_counted(cells, METRIC_SENT, 0), 5);
        cr_assert_eq(metrics_counted(cells, METRIC_CLOSED, CLOSE_SHUTDOWN), 2);
        cr_assert_eq(metrics_counted(cells, METRIC_RECEIVED, 0), 0);
        cr_assert_eq(header->block_used, 2);
        metrics_release(file, cells);
    }
}

Test(file, long_names_are_cut_and_stay_different)
{
    struct metrics_file *file = &rig.workers[0];
    const struct metrics_region *region =
        &metrics_header(file->memory)->regions[METRIC_SCOPE_LISTENER];
    const char *texts[2];
    char name[200];

    memset(name, 'n', sizeof(name));
    for (unsigned i = 0; i < 2; i++) {
        name[199] = (char)('a' + i);
        texts[i] = metrics_slot_text(region, metrics_take(file, METRIC_SCOPE_LISTENER, 1,
                                                          (struct slice){name, sizeof(name)}));
        cr_assert_eq(strlen(texts[i]), METRICS_NAME - 1);
        cr_assert_eq(memcmp(texts[i], name, METRICS_NAME - 10), 0);
    }
    cr_assert_str_neq(texts[0], texts[1]);
}

Test(file, that_is_full_counts_for_nobody)
{
    struct metrics_file *file = &rig.workers[0];

    for (uint32_t i = 0; i < METRICS_TENANTS; i++)
        cr_assert(metrics_take(file, METRIC_SCOPE_TENANT, i + 1, SLICE("")));
    cr_assert_null(metrics_take(file, METRIC_SCOPE_TENANT, 99999, SLICE("")));
    metrics_add(NULL, METRIC_ACCEPTED, 1);
    metrics_observe(NULL, METRIC_FIRST_BYTE, 1.);
    metrics_set(NULL, METRIC_DRAINING, 1);
}

Test(file, of_another_layout_is_not_opened)
{
    struct metrics_file again;

    cr_assert_eq(metrics_file_open(&again, METRICS_OF_WORKER, rig.workers[0].memory), 0);
    cr_assert_eq(metrics_file_open(&again, METRICS_BOARD, rig.workers[0].memory), -1);
    rig.workers[0].memory[0] ^= 1;
    cr_assert_eq(metrics_file_open(&again, METRICS_OF_WORKER, rig.workers[0].memory), -1);
}

Test(file, a_number_is_its_slots_alone)
{
    uint64_t first = rig_tenant(&rig, 5, "acme"), second;

    cr_assert_eq(metrics_board_find(&rig.board, first), metrics_board_tenant(&rig.board, 5));
    metrics_board_leave(&rig.board, 5);
    cr_assert_null(metrics_board_find(&rig.board, first));
    second = rig_tenant(&rig, 5, "other");
    cr_assert_neq(first, second);
    cr_assert_null(metrics_board_find(&rig.board, first));
    cr_assert_null(metrics_board_find(&rig.board, 0));
}

Test(file, a_tenants_parts_leave_the_board_with_it)
{
    uint64_t owner = rig_tenant(&rig, 5, "acme"), other = rig_tenant(&rig, 6, "other");

    metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, owner, SLICE("a.example\0server"));
    metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, other, SLICE("b.example\0server"));
    cr_assert_eq(rig_look(&rig)->part_count, 2);
    metrics_board_leave(&rig.board, 5);
    cr_assert_eq(rig_look(&rig)->part_count, 1);
    cr_assert_str_eq(rig.snapshot->parts[0].name, "b.example");
}

Test(file, slots_of_who_has_left_the_board_are_used_anew)
{
    uint64_t owner = rig_tenant(&rig, 5, "acme"), other = rig_tenant(&rig, 6, "other");
    enum metric_scope scopes[] = {METRIC_SCOPE_LISTENER, METRIC_SCOPE_ENDPOINT,
                                  METRIC_SCOPE_CERTIFICATE};

    for (unsigned i = 0; i < 3; i++) {
        struct metrics_cells *first = metrics_take(&rig.board, scopes[i], owner, SLICE("a\0b"));
        struct metrics_cells *second = metrics_take(&rig.board, scopes[i], other, SLICE("a\0b"));

        metrics_board_leave(&rig.board, 5);
        metrics_board_sweep(&rig.board);
        cr_assert_eq(second->owner, other);
        cr_assert_eq(metrics_take(&rig.board, scopes[i], other, SLICE("c\0d")), first);
        metrics_board_sweep(&rig.board);
        cr_assert_eq(first->owner, other);
        owner = rig_tenant(&rig, 5, "acme");
    }
}

/* As after an upgrade in the middle. */
Test(file, what_a_board_has_of_who_had_left_is_found_when_it_is_opened)
{
    uint64_t owner = rig_tenant(&rig, 5, "acme");
    struct metrics_cells *cells =
        metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, owner, SLICE("a\0b"));

    metrics_board_leave(&rig.board, 5);
    cr_assert_eq(metrics_file_open(&rig.board, METRICS_BOARD, rig.board.memory), 0);
    metrics_board_sweep(&rig.board);
    cr_assert_eq(cells->owner, 0);
}

Test(file, texts_of_any_length_are_read_as_they_were_written)
{
    char error[METRICS_LONG_TEXT];
    const struct metrics_text *text;

    memset(error, 'e', sizeof(error));
    rig_tenant(&rig, 1, "acme");
    for (size_t len = 0; len < 3000; len += 100) {
        metrics_board_set_text(
            &rig.board, 1,
            &(struct metrics_text){SLICE("acme"), SLICE("/run/netns/a"), {error, len}});
        text = &rig_look(&rig)->tenants[0].text;
        cr_assert(slice_equal(text->name, SLICE("acme")));
        cr_assert(slice_equal(text->netns, SLICE("/run/netns/a")));
        cr_assert_eq(text->error.len, len);
    }
    metrics_board_set_text(
        &rig.board, 1, &(struct metrics_text){SLICE("acme"), SLICE(""), {error, sizeof(error)}});
    cr_assert_eq(rig_look(&rig)->tenants[0].text.error.len, METRICS_LONG_TEXT - 4 - 3);
    metrics_board_set_text(&rig.board, 1, &(struct metrics_text){.name = SLICE("acme")});
    cr_assert_eq(rig_look(&rig)->tenants[0].text.error.len, 0);
}

Test(file, what_is_written_again_is_no_change)
{
    uint64_t before;

    rig_tenant(&rig, 1, "acme");
    memcpy(&before, rig.board.memory + sizeof(uint64_t), sizeof(before)); /* the epoch */
    metrics_board_set_text(&rig.board, 1, &(struct metrics_text){.name = SLICE("acme")});
    cr_assert_eq(memcmp(&before, rig.board.memory + sizeof(uint64_t), sizeof(before)), 0);
}

/* Bytes of a slot whose every cell counts. */
static uint64_t full(const struct metrics_file *file, enum metric_scope scope)
{
    const struct metrics_region *region = &metrics_header(file->memory)->regions[scope];

    return metrics_slot_size(region) + metrics_blocks(region->cells) * METRICS_BLOCK;
}

/* docs/ARCHITECTURE.md tells these bounds. */
Test(file, a_tenant_takes_little_even_if_all_is_counted)
{
    const struct metrics_file *worker = &rig.workers[0], *board = &rig.board;

    cr_expect_leq(full(worker, METRIC_SCOPE_TENANT), 1280, "%lu",
                  (unsigned long)full(worker, METRIC_SCOPE_TENANT));
    cr_expect_leq(full(worker, METRIC_SCOPE_LISTENER), 192, "%lu",
                  (unsigned long)full(worker, METRIC_SCOPE_LISTENER));
    cr_expect_leq(full(worker, METRIC_SCOPE_ENDPOINT), 512, "%lu",
                  (unsigned long)full(worker, METRIC_SCOPE_ENDPOINT));
    cr_expect_leq(full(board, METRIC_SCOPE_TENANT), 1408, "%lu",
                  (unsigned long)full(board, METRIC_SCOPE_TENANT));
    cr_expect_leq(full(board, METRIC_SCOPE_CERTIFICATE), 192, "%lu",
                  (unsigned long)full(board, METRIC_SCOPE_CERTIFICATE));
}
