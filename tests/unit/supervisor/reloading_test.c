/* SPDX-License-Identifier: MIT */
/* The resolver of a supervisor that reloads. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

TestSuite(reloading, .fini = rig_end);

/* As by a kernel that is short of memory. */
Test(reloading, who_is_killed_from_outside_is_nobodys_fault)
{
    static const int numbers[] = {SIGKILL, SIGTERM, SIGKILL, SIGKILL};
    struct rig rig;
    pid_t before = 0;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "slow-resolver");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started resolver");
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        while (rig_child(&rig, "resolver") == before)
            usleep(5000);
        before = rig_child(&rig, "resolver");
        usleep(200 * 1000); /* it is at work */
        kill(before, numbers[i]);
    }
    rig_expect(&rig, "started: 2 tenants, 0 waiting, 0 refused");
    cr_assert_not(rig_has_logged(&rig, "died over it"));
    rig_close(&rig);
}

Test(reloading, others_do_not_wait_for_a_suspect)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "hang-resolver");
    rig_tenant(&rig, "b", port, "b");
    rig_start(&rig, "started resolver");
    rig_expect(&rig, "resolver does not answer, killing it");
    for (int i = 0; i < 400 && !rig_connects(port); i++)
        usleep(5000);
    cr_assert(rig_connects(port), "long before the suspect's second turn is over");
    rig_close(&rig);
}
