/* SPDX-License-Identifier: MIT */
/* What workers count, over their deaths, generations and upgrades. Each of the rig's workers has 7
 * connections; of the one that serves tenant a, 5 of them are a's, 1 of those about to end, after
 * 100 requests. */
#include "rig/rig.h"
#include "rig/talk.h"

#include "children/figures.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(figures, .fini = rig_end);

Test(figures, are_summed_over_the_workers)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants");
    /* The second worker has its tenants a little later. */
    for (int i = 0; i < 2000 && !talk_said("\tconnections=14\t"); i++) {
        cr_assert_eq(talk(&rig, "status\n", "gateway\tversion="), 0);
        usleep(5000);
    }
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=5\tdraining=1\trequests=100\t"), 0);
    cr_assert(talk_said("\tconnections=0\tdraining=0\trequests=0\t") && talk_said("\trefused=3\t"),
              "b has none");
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=14\tpartial=0\t"), 0, "not more each time");
    rig_close(&rig);
}

/* ---- without processes ---- */

static struct figures figures;

static void map_worker(struct metrics_file *file, int fd)
{
    char *memory =
        mmap(NULL, metrics_file_size(METRICS_OF_WORKER), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(metrics_file_open(file, METRICS_OF_WORKER, memory), 0);
}

static void unmap_worker(struct metrics_file *file)
{
    munmap(file->memory, metrics_file_size(METRICS_OF_WORKER));
}

static uint64_t requests_of(struct figures *from, uint32_t slot)
{
    struct metrics_snapshot *snapshot = metrics_snapshot_new(from->reader, SLICE(""));
    const struct metrics_tenant *tenant;
    uint64_t total;

    cr_assert(snapshot);
    tenant = metrics_snapshot_find(snapshot, slot);
    total = tenant ? metrics_total(tenant->cells, METRIC_REQUESTS) : UINT64_MAX;
    metrics_snapshot_free(snapshot);
    return total;
}

/* A worker counts for the tenant in that slot, and lives. */
static int count(struct metrics_file *worker, uint32_t column, uint32_t slot, uint64_t requests)
{
    int fd = figures_start(&figures, column);
    uint64_t number = figures_enter(&figures, slot);

    cr_assert_geq(fd, 0);
    map_worker(worker, fd);
    metrics_board_set_text(&figures.board, slot, &(struct metrics_text){.name = SLICE("acme")});
    figures_let(&figures, slot, column);
    metrics_add(metrics_take(worker, METRIC_SCOPE_TENANT, number, SLICE("")), METRIC_REQUESTS,
                requests);
    return fd;
}

static uint64_t pages_of(int fd)
{
    struct stat status;

    cr_assert_eq(fstat(fd, &status), 0);
    return (uint64_t)status.st_blocks / 8;
}

Test(figures, never_go_back_when_workers_die)
{
    struct metrics_file worker;

    figures_init(&figures);
    cr_assert_eq(figures_open(&figures), 0);
    for (uint64_t life = 0; life < 4; life++) {
        int fd = count(&worker, 3, 9, 10);

        cr_assert_eq(requests_of(&figures, 9), 10 * (life + 1));
        unmap_worker(&worker);
        figures_end(&figures, 3);
        cr_assert_eq(requests_of(&figures, 9), 10 * (life + 1));
        cr_assert_leq(pages_of(fd), METRICS_DESCRIPTION / 4096, "it is empty");
    }
    figures_leave(&figures, 9);
    cr_assert_eq(requests_of(&figures, 9), UINT64_MAX, "it ends with the tenant");
    figures_enter(&figures, 9);
    metrics_board_set_text(&figures.board, 9, &(struct metrics_text){.name = SLICE("next")});
    cr_assert_eq(requests_of(&figures, 9), 0);
    figures_free(&figures);
}

static bool lives_in_column_0(void *owner, uint32_t column)
{
    (void)owner;
    return column == 0;
}

static void resume(struct figures *next, struct wire_writer *state)
{
    struct wire_reader reader;

    figures_init(next);
    wire_reader_init(&reader, wire_written(state));
    figures_get(&reader, next);
    cr_assert_eq(wire_finish(&reader), 0);
    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        if (next->fds[i] >= 0)
            next->fds[i] = fcntl(next->fds[i], F_DUPFD_CLOEXEC, 0); /* as after execve(2) */
    }
    cr_assert_eq(figures_resume(next, lives_in_column_0, NULL), 0);
}

Test(figures, go_on_in_the_next_binary)
{
    struct metrics_file worker, other;
    struct wire_writer state;
    struct figures next;

    figures_init(&figures);
    cr_assert_eq(figures_open(&figures), 0);
    count(&worker, 0, 9, 10);
    count(&other, 70, 9, 5);
    wire_writer_init(&state);
    figures_put(&state, &figures);
    resume(&next, &state);
    cr_assert_eq(requests_of(&next, 9), 15, "one that lives and one that does not");
    cr_assert_eq(next.fds[70], -1);
    metrics_add(metrics_take(&worker, METRIC_SCOPE_TENANT, figures_enter(&next, 9), SLICE("")),
                METRIC_REQUESTS, 1);
    cr_assert_eq(requests_of(&next, 9), 16, "the old worker counts on");
    figures_end(&next, 0);
    cr_assert_eq(requests_of(&next, 9), 16);
    figures_free(&next);
    unmap_worker(&worker);
    unmap_worker(&other);
    wire_writer_free(&state);
    figures_free(&figures);
}

/* Whoever was given the one of before must be given the next one, which may have its number. */
Test(figures, a_file_that_is_made_anew_has_another_serial)
{
    struct wire_writer state;
    struct figures next;
    uint64_t gone;
    int fd;

    figures_init(&figures);
    cr_assert_eq(figures_open(&figures), 0);
    cr_assert_eq(figures.serials[70], 0);
    cr_assert_geq(figures_start(&figures, 70), 0);
    wire_writer_init(&state);
    figures_put(&state, &figures);
    resume(&next, &state);
    gone = next.serials[70];
    cr_assert_eq(next.fds[70], -1);
    fd = figures_start(&next, 70);
    cr_assert_geq(fd, 0);
    cr_assert_gt(next.serials[70], gone);
    gone = next.serials[70];
    figures_end(&next, 70);
    cr_assert_eq(figures_start(&next, 70), fd);
    cr_assert_eq(next.serials[70], gone, "it is the same file");
    figures_free(&next);
    wire_writer_free(&state);
    figures_free(&figures);
}

/* As if that cell had not been there before. */
Test(figures, of_a_board_of_another_version_go_on)
{
    struct metrics_file worker;
    struct wire_writer state;
    struct figures next;
    uint64_t number;

    figures_init(&figures);
    cr_assert_eq(figures_open(&figures), 0);
    count(&worker, 0, 9, 10);
    figures_end(&figures, 0);
    number = figures_enter(&figures, 9);
    figures.board.memory[METRICS_DESCRIPTION / 2] ^= 1;
    wire_writer_init(&state);
    figures_put(&state, &figures);
    resume(&next, &state);
    cr_assert_eq(figures_enter(&next, 9), number);
    metrics_board_set_text(&next.board, 9, &(struct metrics_text){.name = SLICE("acme")});
    cr_assert_eq(requests_of(&next, 9), 10);
    figures_free(&next);
    unmap_worker(&worker);
    wire_writer_free(&state);
    figures_free(&figures);
}

Test(figures, that_are_damaged_are_refused)
{
    static const char twice[] = "\2\0\0\0\1\0\0\0\7\0\0\0\1\0\0\0\7\0\0\0";
    static const char beyond[] = "\1\0\0\0\x81\0\0\0\7\0\0\0";
    const struct slice samples[] = {{twice, sizeof(twice) - 1}, {beyond, sizeof(beyond) - 1}};

    for (unsigned i = 0; i < 2; i++) {
        struct wire_reader reader;

        figures_init(&figures);
        wire_reader_init(&reader, samples[i]);
        figures_get(&reader, &figures);
        cr_assert(reader.failed);
        metrics_reader_free(figures.reader);
    }
}

Test(figures, are_shared_to_be_read_only)
{
    struct metrics_file worker;
    int fd;

    figures_init(&figures);
    cr_assert_eq(figures_open(&figures), 0);
    count(&worker, 0, 9, 10);
    fd = figures_share(&figures, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    cr_assert_neq(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
    cr_assert_eq(figures_share(&figures, 1), -1);
    cr_assert_eq(errno, EBADF);
    unmap_worker(&worker);
    figures_free(&figures);
}
