/* SPDX-License-Identifier: MIT */
/* Children that die are replaced, and told everything again. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_replaced(struct rig *rig, const char *name)
{
    pid_t old = rig_child(rig, name);
    char line[96];

    kill(old, SIGKILL);
    snprintf(line, sizeof(line), "%s (pid %d) was killed by signal 9", name, (int)old);
    rig_expect(rig, line);
    for (int i = 0; i < 2000 && rig_child(rig, name) == old; i++)
        usleep(5000);
    cr_assert_neq(rig_child(rig, name), old);
}

TestSuite(child, .fini = rig_end);

Test(child, workers_are_replaced)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants");
    for (int i = 0; i < 3; i++) {
        expect_replaced(&rig, "worker 0");
        expect_replaced(&rig, "worker 1");
    }
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* The resolver runs while there is work: it is started for a reload, and has ended a moment later.
 */
Test(child, a_resolver_comes_and_goes_with_the_work)
{
    struct rig rig;
    pid_t first;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    first = rig_child(&rig, "resolver");
    rig_expect(&rig, "resolver (pid ");
    rig_expect(&rig, ") exited with status 0");
    cr_assert_eq(kill(first, 0), -1);
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_signal(&rig, SIGHUP, "reload done: 1 added");
    cr_assert_neq(rig_child(&rig, "resolver"), first);
    rig_close(&rig);
}

static unsigned long long child_signals(pid_t pid, const char *which)
{
    unsigned long long mask = ~0ull;
    char path[64];
    char line[256];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, which, strlen(which)) == 0)
            mask = strtoull(line + strlen(which), NULL, 16);
    }
    fclose(file);
    return mask;
}

/* All are blocked around the fork, and none stays so; TERM ends a child from its first moment. */
Test(child, hears_signals_from_the_start)
{
    struct rig rig;
    pid_t worker;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    worker = rig_child(&rig, "worker 0");
    cr_assert_eq(child_signals(worker, "SigBlk:"), 0);
    cr_assert_eq(child_signals(worker, "SigIgn:") >> (SIGTERM - 1) & 1, 0);
    cr_assert_eq(child_signals(worker, "SigIgn:") >> (SIGHUP - 1) & 1, 1);
    kill(worker, SIGTERM);
    rig_expect(&rig, "worker 0 (pid ");
    rig_expect(&rig, ") was killed by signal 15");
    rig_close(&rig);
}

/* It had been told to end, but not so. */
Test(child, one_that_is_killed_while_it_drains_is_told_like_any_other)
{
    struct rig rig;
    char line[96];
    pid_t old;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "keep-worker");
    rig_tenant(&rig, "b", rig_port(), "keep-worker");
    rig_start(&rig, "started: 2 tenants");
    old = rig_child(&rig, "worker 1");
    rig_write(&rig, "nsgate.conf",
              "worker_processes 3;\nworkers_per_tenant 1;\nerror_log log error;\npid pid;\n"
              "worker_shutdown_timeout 2s;\ntenants tenants/*.conf;\n");
    kill(rig.pid, SIGHUP);
    usleep(500 * 1000);
    kill(old, SIGSEGV);
    snprintf(line, sizeof(line), "worker 1 (pid %d) was killed by signal 11", (int)old);
    rig_expect(&rig, line);
    usleep(3500 * 1000);
    cr_assert_not(rig_has_logged(&rig, "was killed by signal 9"), "that was our own wish");
    rig_close(&rig);
}
