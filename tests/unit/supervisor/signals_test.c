/* SPDX-License-Identifier: MIT */
/* What each signal does, and that children leave them to the supervisor. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

TestSuite(signals, .fini = rig_end);

Test(signals, those_that_are_only_answered)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_signal(&rig, SIGUSR1, "logs opened anew");
    rig_signal(&rig, SIGHUP, "reload done: ");
    rig_close(&rig);
}

Test(signals, an_interrupt_ends)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    kill(rig.pid, SIGINT);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

/* As a terminal's keys and an operator's kill of all processes of the name do. */
Test(signals, children_do_not_mind_them)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
    struct rig rig;
    pid_t worker;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    worker = rig_child(&rig, "worker 0");
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        kill(worker, numbers[i]);
    rig_signal(&rig, SIGHUP, "reload done: ");
    cr_assert_not(rig_has_logged(&rig, ") was killed by"), "it has ended");
    cr_assert_not(rig_has_logged(&rig, ") exited with"), "it has ended");
    cr_assert_eq(kill(worker, 0), 0);
    rig_close(&rig);
}
