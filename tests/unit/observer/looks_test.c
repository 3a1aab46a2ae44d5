/* SPDX-License-Identifier: MIT */
/* Looks at the figures: of whatever file is given, shared for a moment, and remembered. */
#include "observer/looks_internal.h"

#include "ipc/sealed.h"
#include "shared/figures_rig.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static struct loop loop;
static struct looks looks;
static struct metrics_file board;
static int fd;

static void begin(void)
{
    uint64_t size = metrics_file_size(METRICS_BOARD);
    char *memory;

    fd = sealed_memory("board", size);
    memory = sealed_memory_map(fd, size, true);
    cr_assert_not_null(memory);
    metrics_file_describe(METRICS_BOARD, memory);
    cr_assert_eq(metrics_file_open(&board, METRICS_BOARD, memory), 0);
    metrics_board_enter(&board, 3, METRICS_TENANTS + 3);
    metrics_board_set_text(&board, 3, &(struct metrics_text){.name = SLICE("a")});
    loop_init(&loop);
    looks_init(&looks, &loop);
}

static void end(void)
{
    looks_free(&looks);
    loop_free(&loop);
    munmap(board.memory, metrics_file_size(METRICS_BOARD));
    close(fd);
}

TestSuite(looks, .init = begin, .fini = end);

Test(looks, without_a_board_there_are_none)
{
    cr_assert_null(looks_at(&looks, SLICE("")));
    cr_assert_eq(looks_set(&looks, 0, -1), 0);
}

Test(looks, one_serves_all_for_a_moment)
{
    struct look *first, *second;

    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, fd), 0);
    first = looks_at(&looks, SLICE(""));
    cr_assert_not_null(first);
    cr_assert_eq(first->snapshot->tenant_count, 1);
    second = looks_at(&looks, SLICE(""));
    cr_assert_eq(first, second);
    look_unref(second);
    loop.now += 2 * LOOKS_AGE;
    second = looks_at(&looks, SLICE(""));
    cr_assert_neq(first, second);
    look_unref(first);
    look_unref(second);
    first = looks_at(&looks, SLICE("nobody"));
    cr_assert_eq(first->snapshot->tenant_count, 0);
    look_unref(first);
}

/* As when a worker has died, or a supervisor hangs in the middle. */
Test(looks, while_the_board_is_being_changed_the_last_one_serves)
{
    struct look *first, *second;

    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, fd), 0);
    metrics_board_begin(&board);
    cr_assert_null(looks_at(&looks, SLICE("")), "there is none yet");
    metrics_board_end(&board);
    first = looks_at(&looks, SLICE(""));
    cr_assert_not_null(first);
    metrics_board_begin(&board);
    loop.now += 2 * LOOKS_AGE;
    second = looks_at(&looks, SLICE(""));
    cr_assert_eq(first, second);
    cr_assert_null(looks_at(&looks, SLICE("a")));
    metrics_board_end(&board);
    look_unref(second);
    second = looks_at(&looks, SLICE(""));
    cr_assert_neq(first, second);
    look_unref(first);
    look_unref(second);
}

static void *end_change(void *unused)
{
    usleep(20000);
    metrics_board_end(&board);
    return unused;
}

Test(looks, a_change_that_ends_soon_is_waited_for)
{
    struct look *look = NULL;
    pthread_t thread;

    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, fd), 0);
    for (int i = 0; i < 100 && !look; i++) { /* it may be late, where the machine is busy */
        metrics_board_begin(&board);
        cr_assert_eq(pthread_create(&thread, NULL, end_change, NULL), 0);
        look = looks_at(&looks, SLICE("a"));
        pthread_join(thread, NULL);
        loop.now += 2 * LOOKS_AGE;
    }
    cr_assert_not_null(look);
    cr_assert_eq(look->snapshot->tenant_count, 1);
    look_unref(look);
}

Test(looks, with_the_board_it_is_remembered)
{
    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, fd), 0);
    for (int i = 0; i < 10000 && looks.history.began == 0.; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(500);
    }
    cr_assert_neq(looks.history.began, 0.);
    cr_assert(deadline_is_set(&looks.next), "and again");
}

Test(looks, what_is_no_such_file_is_not_read)
{
    int other = sealed_new("other", SLICE("something else"));

    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, fd), 0);
    cr_assert_eq(looks_set(&looks, METRICS_SOURCE_BOARD, other), -1);
    cr_assert_eq(looks_set(&looks, 0, other), -1);
    cr_assert_null(looks_at(&looks, SLICE("")));
    close(other);
}
