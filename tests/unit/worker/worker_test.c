/* SPDX-License-Identifier: MIT */
/* The life of a worker: from SETUP to its drain, its orphanhood or its end. */
#include "worker/rig.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
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

Test(worker, serves_from_its_cage)
{
    char path[64], line[256];
    unsigned found = 0;

    start_serving();
    close(rig_get(&rig, "\r\n\r\none"));
    snprintf(path, sizeof(path), "/proc/%d/status", (int)rig.pid);
    FILE *status = fopen(path, "r");
    cr_assert_not_null(status);
    while (fgets(line, sizeof(line), status)) {
        found += strncmp(line, "Name:\tnsgate-worker\n", 20) == 0;
        found += strncmp(line, "CapEff:\t0000000000000000", 24) == 0;
        found += strncmp(line, "NoNewPrivs:\t1", 13) == 0;
        found += strncmp(line, "Threads:\t1\n", 11) == 0;
    }
    fclose(status);
    cr_assert_eq(found, 4);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(worker, drains_and_ends)
{
    start_serving();
    int idle = rig_get(&rig, "one");
    rig_until(&rig, tally_total(rig.tally, 5) == 1);
    rig_send_drain(&rig, 1000, false);
    rig_until(&rig, rig.is_gone);
    cr_assert_eq(tally_total(rig.tally, 5), 0);
    close(idle);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(worker, a_drain_ends_when_its_time_is_over)
{
    start_serving();
    int half = rig_get(&rig, "one");
    cr_assert_eq(send(half, "GET / HT", 8, 0), 8);
    for (int i = 0; i < 20; i++)
        rig_turn(&rig);
    rig_send_drain(&rig, 300, false);
    rig_until(&rig, rig.is_gone);
    close(half);
    cr_assert_eq(rig_end(&rig), 0);
}

/* The supervisor said for how long, and then died. */
Test(worker, an_orphan_drains_as_long_as_it_was_told)
{
    start_serving();
    int half = rig_get(&rig, "one");
    cr_assert_eq(send(half, "GET / HT", 8, 0), 8);
    rig_send_drain(&rig, 300, true);
    for (int i = 0; i < 20; i++)
        rig_turn(&rig);
    close(rig_get(&rig, "one")); /* not now */
    cr_assert_eq(rig_end(&rig), 0);
    close(half);
}

Test(worker, ends_with_its_supervisor)
{
    start_serving();
    close(rig_get(&rig, "one"));
    cr_assert_eq(rig_end(&rig), 0);
}

Test(worker, a_terminal_does_not_end_it_and_term_does)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};

    start_serving();
    for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
        kill(rig.pid, ignored[i]);
    close(rig_get(&rig, "one"));
    kill(rig.pid, SIGTERM);
    rig_until(&rig, rig.is_gone);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(worker, a_drain_is_only_shortened)
{
    start_serving();
    int half = rig_get(&rig, "one");
    cr_assert_eq(send(half, "GET / HT", 8, 0), 8);
    for (int i = 0; i < 20; i++)
        rig_turn(&rig);
    rig_send_drain(&rig, 60000, false);
    rig_send_drain(&rig, 300, false);
    rig_send_drain(&rig, 60000, false);
    rig_until(&rig, rig.is_gone);
    close(half);
    cr_assert_eq(rig_end(&rig), 0);
}
