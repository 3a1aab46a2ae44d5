/* SPDX-License-Identifier: MIT */
/* Ends: at once, after a drain, and with a child that does not end by itself. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

TestSuite(ending, .fini = rig_end);

Test(ending, drains)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants");
    rig_signal(&rig, SIGQUIT, "draining");
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

/* kill(2) only asks: until the process stops, what is sent later may come first. */
static void stop(pid_t pid)
{
    struct timespec nap = {.tv_nsec = 1000000};
    char path[64];
    char state = 0;

    kill(pid, SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 5000 && state != 'T'; i++) {
        FILE *file = fopen(path, "re");

        cr_assert_not_null(file);
        cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
        nanosleep(&nap, NULL);
    }
    cr_assert_eq(state, 'T');
}

Test(ending, a_stop_ends_a_drain)
{
    struct rig rig;

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf",
              "worker_processes 1;\nerror_log log info;\npid pid;\nworker_shutdown_timeout 60s;\n");
    rig_start(&rig, "started: 0 tenants");
    stop(rig_child(&rig, "worker 0")); /* it will not hear DRAIN */
    rig_signal(&rig, SIGQUIT, "draining");
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert(rig_has_logged(&rig, "some processes do not end, killing them"));
    rig_close(&rig);
}
