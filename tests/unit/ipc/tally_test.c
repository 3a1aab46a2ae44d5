/* SPDX-License-Identifier: MIT */
/* Counters shared between processes. */
#include "ipc/tally.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Test(tally, sums_over_workers_and_processes)
{
    int fd;
    struct tally *tally = tally_new(&fd);
    pid_t child;
    int status;

    cr_assert_not_null(tally);
    tally_set_workers(tally, 0, 2);
    tally_add(tally, 5, 0, 2);
    child = fork();
    if (child == 0) {
        struct tally *mapped = tally_map(fd);

        tally_add(mapped, 5, 1, 40);
        tally_free(mapped);
        _exit(0);
    }
    waitpid(child, &status, 0);
    cr_assert_eq(tally_total(tally, 5), 42);
    cr_assert_eq(tally_total(tally, 4), 0);
    tally_clear_worker(tally, 1);
    cr_assert_eq(tally_total(tally, 5), 2);
    tally_free(tally);
}

/* What a worker writes where none is counts for nobody, then or later. */
Test(tally, only_columns_of_workers_count)
{
    int fd;
    struct tally *tally = tally_new(&fd);

    tally_set_workers(tally, 0, 2);
    tally_add(tally, 7, 1, 3);
    tally_add(tally, 7, 2, 1000);
    tally_add(tally, 7, tally_column(1, 0), 1000);
    cr_assert_eq(tally_total(tally, 7), 3);
    tally_set_workers(tally, 1, TALLY_WORKERS);
    cr_assert_eq(tally_total(tally, 7), 3);
    tally_free(tally);
}

/* A worker of the old generation sees the connections of the new one, whose number it never heard.
 */
Test(tally, generations_have_a_half_each)
{
    int fd;
    struct tally *tally = tally_new(&fd);
    struct tally *mapped = tally_map(fd);

    tally_set_workers(tally, 0, 2);
    tally_add(mapped, 7, tally_column(0, 1), 3);
    tally_set_workers(tally, 1, 4);
    tally_add(mapped, 7, tally_column(1, 3), 4);
    cr_assert_eq(tally_total(mapped, 7), 7);
    tally_clear_worker(tally, tally_column(0, 1));
    cr_assert_eq(tally_total(mapped, 7), 4);
    tally_set_workers(tally, 1, 0);
    cr_assert_eq(tally_total(mapped, 7), 0);
    tally_free(mapped);
    tally_free(tally);
}

Test(tally, is_kept_over_an_exec)
{
    int fd;
    struct tally *tally = tally_new(&fd);
    struct tally *kept;

    tally_set_workers(tally, 1, 2);
    tally_add(tally, 3, tally_column(1, 1), 5);
    kept = tally_keep(dup(fd));
    cr_assert_not_null(kept);
    tally_free(tally);
    cr_assert_eq(tally_total(kept, 3), 5);
    tally_clear_worker(kept, tally_column(1, 1));
    cr_assert_eq(tally_total(kept, 3), 0);
    tally_free(kept);
}

Test(tally, never_below_zero)
{
    int fd;
    struct tally *tally = tally_new(&fd);

    tally_set_workers(tally, 1, TALLY_WORKERS);
    tally_add(tally, TALLY_TENANTS - 1, TALLY_COLUMNS - 1, -3);
    cr_assert_eq(tally_total(tally, TALLY_TENANTS - 1), 0);
    tally_free(tally);
}

Test(tally, clearing_a_worker_fills_no_page)
{
    int fd;
    struct tally *tally = tally_new(&fd);
    struct stat before;
    struct stat after;

    tally_set_workers(tally, 0, 4);
    tally_add(tally, 0, 3, 1);
    tally_add(tally, 9000, 3, 1);
    fstat(fd, &before);
    tally_clear_worker(tally, 3);
    fstat(fd, &after);
    cr_assert_eq(before.st_blocks, after.st_blocks);
    cr_assert_eq(tally_total(tally, 0), 0);
    cr_assert_eq(tally_total(tally, 9000), 0);
    tally_free(tally);
}

Test(tally, its_size_is_sealed_and_checked)
{
    int fd;
    int pipes[2];
    struct tally *tally = tally_new(&fd);

    cr_assert_lt(ftruncate(fd, 4096), 0);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_null(tally_map(pipes[0]));
    cr_assert_null(tally_map(-1));
    tally_free(tally);
}
