/* SPDX-License-Identifier: MIT */
/* The control socket beside the pid file, of a whole supervisor. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

TestSuite(control_socket, .fini = rig_end);

Test(control_socket, a_stale_one_is_replaced_and_a_file_is_not)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants"); /* both workers are past their fork, and hold no lock */
    kill(rig.pid, SIGKILL);
    cr_assert_eq(rig_wait(&rig), 128 + SIGKILL);
    rig_write(&rig, "log", "%s", "");
    rig_start(&rig, "started: 2 tenants");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_write(&rig, "pid.sock", "%s", "precious");
    rig_start(&rig, NULL);
    cr_assert_eq(rig_wait(&rig), 1);
    rig_remove(&rig, "pid.sock"); /* it is still there */
    rig_close(&rig);
}

Test(control_socket, moves_with_the_pid_file_and_keeps_who_is_connected)
{
    struct rig rig;
    int early;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    early = talk_begin(&rig, "");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0, "who came before is accepted, too");
    rig_write(
        &rig, "nsgate.conf",
        "worker_processes 2;\nerror_log log info;\npid other.pid;\ntenants tenants/*.conf;\n");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_eq(write(early, "reload\n", 7), 7);
    talk_end(early);
    cr_assert(talk_said("end\t0\n"));
    cr_assert_eq(talk_at(&rig, "other.sock", "reload\n", "end\t0\n"), 0);
    cr_assert_eq(talk_at(&rig, "pid.sock", "reload\n", "end\t0\n"), -1);
    rig_close(&rig);
}

static void write_main(const struct rig *rig, const char *pid)
{
    rig_write(rig, "nsgate.conf", "worker_processes 1;\nerror_log log info;\npid %s;\n", pid);
}

/* "pid" and "pid.pid" lead to the same socket; the second to come has none, and says so. */
Test(control_socket, belongs_to_one_of_two)
{
    struct timespec nap = {0, 5 * 1000 * 1000};
    struct rig first;
    struct rig second;
    char path[128];

    rig_open(&first);
    rig_start(&first, "started: 0 tenants");
    second = first;
    write_main(&second, "pid.pid");
    rig_start(&second, NULL);
    cr_assert_eq(rig_wait(&second), 1);
    snprintf(path, sizeof(path), "%s/pid.pid", first.folder);
    cr_assert_lt(access(path, F_OK), 0, "it gives the pid file back");
    cr_assert_eq(talk(&first, "status\n", "end\t0\n"), 0);
    /* Nor does a reload take it: the one that would move stays where it is. */
    write_main(&second, "other");
    rig_start(&second, NULL);
    snprintf(path, sizeof(path), "%s/other.sock", first.folder);
    while (access(path, F_OK) < 0)
        nanosleep(&nap, NULL);
    write_main(&second, "pid.pid");
    cr_assert_eq(talk_at(&second, "other.sock", "reload\n", "end\t1\n"), 0);
    cr_assert(talk_said("pid.sock: it belongs to an nsgate that runs\n"));
    cr_assert_eq(talk(&first, "status\n", "end\t0\n"), 0);
    cr_assert_eq(talk_at(&second, "other.sock", "status\n", "end\t0\n"), 0);
    kill(second.pid, SIGTERM);
    cr_assert_eq(rig_wait(&second), 0);
    cr_assert_eq(talk(&first, "status\n", "end\t0\n"), 0);
    rig_close(&first);
}
