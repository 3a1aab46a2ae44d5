/* SPDX-License-Identifier: MIT */
/* The supervisor's life, from start to end. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(supervisor, .fini = rig_end);

Test(supervisor, starts_and_ends)
{
    struct rig rig;
    char pid[128];
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused, 2 workers");
    snprintf(pid, sizeof(pid), "%s/pid", rig.folder);
    cr_assert(rig_connects(port));
    cr_assert_eq(access(pid, F_OK), 0);
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_lt(access(pid, F_OK), 0);
    cr_assert_not(rig_connects(port));
    rig_close(&rig);
}

Test(supervisor, a_broken_main_file_is_the_end)
{
    struct rig rig;

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    rig_start(&rig, NULL);
    cr_assert_eq(rig_wait(&rig), 1);
    rig_close(&rig);
}

Test(supervisor, an_unknown_user_is_the_end)
{
    struct rig rig;

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf", "user nobody-by-that-name;\npid pid;\n");
    rig_start(&rig, NULL);
    cr_assert_eq(rig_wait(&rig), 1);
    rig_close(&rig);
}

Test(supervisor, a_second_one_does_not_start)
{
    struct rig rig;
    struct rig second;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    second = rig;
    rig_start(&second, NULL);
    cr_assert_eq(rig_wait(&second), 1);
    rig_close(&rig);
}
