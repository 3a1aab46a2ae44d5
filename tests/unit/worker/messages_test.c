/* SPDX-License-Identifier: MIT */
/* What the supervisor's messages do, also the malformed ones. */
#include "worker/rig.h"

#include "cells/ring.h"
#include "ipc/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;

static void start_serving(void)
{
    rig_start(&rig);
    rig_setup(&rig);
    rig_send_tenant(&rig, 1, "return 200 'one';");
    rig_send_listener(&rig);
    rig_until(&rig, rig.committed == 1);
}

Test(messages, a_tenant_is_replaced_and_removed)
{
    start_serving();
    close(rig_get(&rig, "one"));
    rig_send_tenant(&rig, 2, "return 200 'two';");
    rig_until(&rig, rig.committed == 2);
    close(rig_get(&rig, "two"));
    rig_send_remove(&rig, "acme");
    rig_until(&rig, rig.committed == 99);
    rig_send_tenant(&rig, 3, "return 200 'three';");
    rig_send_listener(&rig);
    rig_until(&rig, rig.committed == 3);
    close(rig_get(&rig, "three"));
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, a_tenant_that_moves_is_handed_over)
{
    start_serving();
    int idle = rig_get(&rig, "one");
    rig_until(&rig, tally_total(rig.tally, 5) == 1);
    rig.moves = true;
    rig_send_remove(&rig, "acme");
    rig_until(&rig, rig.committed == 99);
    cr_assert_eq(tally_total(rig.tally, 5), 0);
    rig_ask(&rig, idle, "Connection: close");
    close(idle);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, a_listener_is_closed_and_given_again)
{
    start_serving();
    close(rig_get(&rig, "one"));
    rig_send_close(&rig, "acme");
    rig_send_close(&rig, "nobody");
    rig_send_listener(&rig);
    close(rig_get(&rig, "one"));
    cr_assert_eq(rig_end(&rig), 0);
}

/* Descriptors that the worker may have, from now on. */
static void limit_descriptors(unsigned count)
{
    struct rlimit limit;
    int status = 0;
    pid_t pid = fork();

    /* As the worker's user: not every root may change others' limits. */
    if (pid == 0) {
        bool is_like = setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;

        if (!is_like || prlimit(rig.pid, RLIMIT_NOFILE, NULL, &limit) < 0)
            _exit(1);
        limit.rlim_cur = count;
        _exit(prlimit(rig.pid, RLIMIT_NOFILE, &limit, NULL) < 0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

/* The lowest number that is free. */
static unsigned first_free(void)
{
    char path[64];

    for (unsigned fd = 0;; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)rig.pid, fd);
        if (access(path, F_OK) != 0)
            return fd;
    }
}

Test(messages, a_listener_that_there_is_no_room_for_is_told_and_nothing_lost)
{
    start_serving();
    int busy = rig_get(&rig, "one");
    unsigned taken = rig.taken;
    rig_until(&rig, tally_total(rig.tally, 5) == 1);
    send(busy, "GET / HT", 8, MSG_NOSIGNAL); /* not idle any more */
    usleep(100000);
    limit_descriptors(first_free());
    rig_send_listener(&rig);
    rig_until(&rig, rig.lacked == 1);
    cr_assert_eq(rig.lack, EMFILE);
    cr_assert_eq(rig.taken, taken);
    rig_send_tenant(&rig, 77, "return 200 'two';");
    rig_until(&rig, rig.committed == 77);
    limit_descriptors(first_free() + 5);
    rig_send_listener(&rig);
    rig_until(&rig, rig.lacked == 2); /* what is left is for connections */
    limit_descriptors(first_free() + 20);
    rig_send_listener(&rig);
    rig_until(&rig, rig.taken == taken + 1);
    send(busy, "TP/1.1\r\nHost: a\r\n\r\n", 20, MSG_NOSIGNAL);
    char text[512] = "";
    cr_assert_gt(recv(busy, text, sizeof(text) - 1, 0), 0, "the connection is still there");
    close(busy);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, idle_connections_make_room_for_a_listener)
{
    start_serving();
    int idle = rig_get(&rig, "one");
    unsigned taken = rig.taken;
    rig_until(&rig, tally_total(rig.tally, 5) == 1);
    limit_descriptors(first_free());
    rig_send_listener(&rig);
    rig_until(&rig, rig.taken == taken + 1);
    cr_assert_eq(rig.lacked, 0);
    cr_assert_eq(tally_total(rig.tally, 5), 0);
    close(idle);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, no_more_room_is_made_than_is_needed)
{
    start_serving();
    int idle[3];
    unsigned taken = rig.taken;

    for (int i = 0; i < 3; i++)
        idle[i] = rig_get(&rig, "one");
    rig_until(&rig, tally_total(rig.tally, 5) == 3);
    limit_descriptors(first_free());
    rig_send_listener(&rig);
    rig_until(&rig, rig.taken == taken + 1);
    rig_send_tenant(&rig, 77, "return 200 'two';"); /* what was closed is gone by then */
    rig_until(&rig, rig.committed == 77);
    cr_assert_eq(tally_total(rig.tally, 5), 2);
    for (int i = 0; i < 3; i++)
        close(idle[i]);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, a_dead_listener_is_told)
{
    start_serving();
    close(rig_get(&rig, "one"));
    shutdown(rig.listener, SHUT_RDWR);
    rig_until(&rig, rig.dead == 1);
    cr_assert_eq(rig.dead_error, EINVAL);
    rig_send_listener(&rig);
    close(rig_get(&rig, "one"));
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, nothing_is_parsed_before_setup)
{
    rig_start(&rig);
    rig_send_tenant(&rig, 1, "return 200 'one';");
    rig_until(&rig, rig.is_gone);
    cr_assert_eq(rig.committed, 0);
    rig_end(&rig);
}

Test(messages, a_bundle_that_cannot_be_used_ends_the_worker)
{
    rig_start(&rig);
    rig_setup(&rig);
    rig_send_raw_tenant(&rig, 1, SLICE("no bundle at all"));
    rig_until(&rig, rig.is_gone);
    cr_assert_eq(rig.committed, 0);
    cr_assert_eq(rig_end(&rig), 1);
}

/* Its limits hold nobody, and it is served. */
Test(messages, a_tenant_whose_cells_did_not_come_is_served)
{
    struct cells_region region = {.kind = CELLS_COUNTS, .size = 65536, .key = "key"};
    struct cells cells = {.fd = -1, .regions = &region, .count = 1};
    struct wire_writer bytes;

    wire_writer_init(&bytes);
    ipc_put_cells(&bytes, &cells);
    start_serving();
    rig.cells = wire_written(&bytes);
    rig_send_tenant(&rig, 2, "return 200 'two';");
    rig_until(&rig, rig.committed == 2);
    close(rig_get(&rig, "two"));
    wire_writer_free(&bytes);
    cr_assert_eq(rig_end(&rig), 0);
}

static void a_key(void *data, size_t size)
{
    memset(data, 7, size);
}

/* What another worker holds counts here, and what this one holds counts there. */
Test(messages, a_tenants_cells_are_mapped)
{
    const struct cells_want want = {CELLS_COUNTS, SLICE("c all"), 65536};
    struct cells_counts *counts;
    struct wire_writer bytes;
    struct cells_map *map;
    struct cells cells;

    cells_init(&cells);
    cr_assert_eq(cells_fit(&cells, &want, 1, a_key), 0);
    map = cells_map_new(cells.fd, cells.regions, cells.count, 0);
    counts = cells_map_counts(map, want.name);
    wire_writer_init(&bytes);
    ipc_put_cells(&bytes, &cells);
    start_serving();
    rig.cells = wire_written(&bytes);
    rig.cells_fd = cells.fd;
    rig_send_tenant(&rig, 2,
                    "limit_conn c 1; location / { proxy_pass http://127.0.0.1:1; } }"
                    "limit_conn_zone all zone=c:64k; server { listen 127.0.0.1:1; return 204;");
    rig_until(&rig, rig.committed == 2);
    cr_assert_eq(counts_take(counts, counts_hash(counts, SLICE("all")), 1), COUNTS_TAKEN);
    close(rig_get(&rig, "503 Service Unavailable"));
    counts_give(counts, counts_hash(counts, SLICE("all")));
    close(rig_get(&rig, "502 Bad Gateway"));
    rig_until(&rig, counts_total(counts, counts_hash(counts, SLICE("all"))) == 0);
    wire_writer_free(&bytes);
    cells_map_free(map);
    cells_free(&cells);
    cr_assert_eq(rig_end(&rig), 0);
}

static void send_ring(int ring, int wake)
{
    const int descriptors[] = {ring, wake};

    ipc_send_ring(rig.channel, IPC_RING, &(struct ipc_ring){1},
                  &(struct ipc_attachments){descriptors, 2, NULL});
}

Test(messages, lines_go_into_the_ring)
{
    const uint32_t number = 77;
    int fd = ring_file();
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct ring *ring = ring_map(fd, -1);
    struct ring_line line;

    cr_assert_not_null(ring);
    start_serving();
    send_ring(fd, wake);
    rig.logs = (struct slice){(const char *)&number, sizeof(number)};
    rig_send_tenant(&rig, 2,
                    "access_log /a x; return 200 'two'; } "
                    "log_format x $status; server { listen 127.0.0.1:1; return 204;");
    rig_until(&rig, rig.committed == 2);
    close(rig_get(&rig, "two"));
    for (int i = 0; i < 10000; i++) {
        ring_begin(ring);
        if (ring_read(ring, &line))
            break;
        usleep(1000);
    }
    cr_assert_eq(line.destination, number);
    cr_assert(slice_equal(line.bytes, SLICE("200\n")));
    ring_unmap(ring);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, a_second_ring_is_against_the_rules)
{
    int fd = ring_file();

    start_serving();
    send_ring(fd, eventfd(0, 0));
    send_ring(fd, eventfd(0, 0));
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}

Test(messages, numbers_of_other_logs_are_against_the_rules)
{
    start_serving();
    rig.logs = SLICE("1234");
    rig_send_tenant(&rig, 2, "return 200 'two';");
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}

Test(messages, cells_that_cannot_be_are_against_the_rules)
{
    start_serving();
    rig.cells = SLICE("\1\0\0\0garbage");
    rig_send_tenant(&rig, 2, "return 200 'two';");
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}

Test(messages, a_second_setup_is_against_the_rules)
{
    rig_start(&rig);
    rig_setup(&rig);
    struct tally *first = rig.tally;
    struct wire_writer body;
    int fd = dup(0);

    wire_writer_init(&body);
    ipc_put_setup(&body, &(struct ipc_setup){.index = 1, .column = 1});
    ipc_send(rig.channel, IPC_SETUP, &body,
             &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = 1});
    wire_writer_free(&body);
    close(fd);
    rig_until(&rig, rig.is_gone);
    cr_assert_eq(rig.tally, first);
    rig_end(&rig);
}

static void send_authorities(int fd)
{
    ipc_send(rig.channel, IPC_AUTHORITIES, NULL,
             &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = 1});
    close(fd);
}

Test(messages, authorities_are_taken_once)
{
    start_serving();
    send_authorities(sealed_new("test", SLICE("some")));
    close(rig_get(&rig, "one"));
    send_authorities(sealed_new("test", SLICE("others")));
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}

Test(messages, authorities_are_sealed)
{
    start_serving();
    send_authorities(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}

Test(messages, the_log_may_be_given_anew)
{
    int ends[2];

    start_serving();
    cr_assert_eq(pipe(ends), 0);
    ipc_send_log(rig.channel, IPC_LOG, &(struct ipc_log){LOG_LEVEL_INFO, LOG_SINK_FILE},
                 &(struct ipc_attachments){.descriptors = &ends[1], .descriptor_count = 1});
    close(ends[1]);
    rig_send_drain(&rig, 1000, false);
    rig_until(&rig, rig.is_gone);
    char text[256] = "";
    cr_assert_gt(read(ends[0], text, sizeof(text) - 1), 0);
    cr_assert(strstr(text, "worker 2: draining"), "%s", text);
    close(ends[0]);
    cr_assert_eq(rig_end(&rig), 0);
}

/* ---- what it counts of itself ---- */

static void ping(uint64_t number)
{
    ipc_send_serial(rig.channel, IPC_PING, &(struct ipc_serial){number}, NULL);
    rig_until(&rig, rig.pong == number);
}

static uint64_t counted(enum metric metric)
{
    return figures_of(&rig.figures, 0, metric, 0);
}

Test(messages, with_a_ping_it_counts_descriptors_and_lines_that_its_log_lost)
{
    struct rlimit limit;
    uint64_t before;
    int full = open("/dev/full", O_WRONLY);

    cr_assert_geq(full, 0);
    start_serving();
    ping(1);
    before = counted(METRIC_DESCRIPTORS);
    int client = rig_get(&rig, "one");
    ipc_send_log(rig.channel, IPC_LOG, &(struct ipc_log){LOG_LEVEL_DEBUG, LOG_SINK_FILE},
                 &(struct ipc_attachments){.descriptors = &full, .descriptor_count = 1});
    close(full);
    ping(2);
    cr_assert_eq(counted(METRIC_DESCRIPTORS), before + 2);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(counted(METRIC_DESCRIPTORS_ALLOWED), limit.rlim_max);
    cr_assert_gt(figures_of(&rig.figures, 0, METRIC_LOOP_TURN, 0), 0);
    before = counted(METRIC_LOG_DROPPED);
    close(client); /* of which it writes */
    for (uint64_t number = 3; counted(METRIC_LOG_DROPPED) == before; number++) {
        cr_assert_lt(number, 5000);
        ping(number);
    }
    cr_assert_eq(rig_end(&rig), 0);
}

Test(messages, a_ping_is_answered)
{
    struct wire_writer body;

    rig_start(&rig);
    rig_setup(&rig);
    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){42});
    ipc_send(rig.channel, IPC_PING, &body, NULL);
    rig_until(&rig, rig.pong == 42);
    wire_put_u8(&body, 0); /* too long */
    ipc_send(rig.channel, IPC_PING, &body, NULL);
    rig_until(&rig, rig.is_gone);
    wire_writer_free(&body);
    rig_end(&rig);
}
