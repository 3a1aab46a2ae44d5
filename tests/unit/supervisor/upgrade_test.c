/* SPDX-License-Identifier: MIT */
/* Upgrades of a whole supervisor, to the binary that it is. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(upgrade, .fini = rig_end);

/* In place of libc's: the signal comes while the state that is handed over is being saved, behind
 * the copy for the candidate. */
static int signal_at_save;

int memfd_create(const char *name, unsigned flags)
{
    static unsigned states;

    if (signal_at_save && strcmp(name, "nsgate-state") == 0 && ++states == 2)
        kill(getpid(), signal_at_save);
    return (int)syscall(SYS_memfd_create, name, flags);
}

Test(upgrade, takes_over_in_the_same_process)
{
    struct rig rig;
    int port = rig_port();
    pid_t worker;

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants");
    worker = rig_child(&rig, "worker 0");
    rig_signal(&rig, SIGUSR2, "upgrade done: ");
    cr_assert_neq(rig_child(&rig, "worker 0"), worker);
    cr_assert(rig_connects(port));
    rig_expect(&rig, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    rig_expect(&rig, "the old workers have ended");
    rig_signal(&rig, SIGUSR2, "upgrade done: ");
    cr_assert(rig_connects(port));
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_not(rig_connects(port));
    rig_close(&rig);
}

Test(upgrade, what_follows_is_known_to_the_new_one)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants");
    rig_signal(&rig, SIGUSR2, "reload done: 0 added, 0 changed");
    rig_tenant(&rig, "a", port, "another");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed, 0 removed, 0 refused");
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, "reload done: 0 added, 0 changed, 1 removed, 0 refused");
    rig_close(&rig);
}

Test(upgrade, what_is_refused_stays_so_and_what_waits_waits)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_write(&rig, "tenants/b.conf", "nonsense;\n");
    rig_write(&rig, "tenants/w.conf",
              "netns nsg-there-is-none;\nserver { listen 127.0.0.1:%d; return 200 w; }\n", port);
    rig_start(&rig, "started: 2 tenants");
    rig_write(&rig, "tenants/a.conf", "broken;\n");
    rig_signal(&rig, SIGHUP, "0 removed, 2 refused");
    rig_signal(&rig, SIGUSR2, "0 removed, 2 refused");
    cr_assert(rig_connects(port), "the last good version");
    rig_close(&rig);
}

/* The main file of the start would be the end; here it is only a reason. */
Test(upgrade, a_broken_main_file_refuses_it)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants");
    rig_write(&rig, "nsgate.conf", "pid pid;\nnonsense;\n");
    rig_signal(&rig, SIGUSR2, "nsgate.conf:2:1: ");
    cr_assert(rig_has_logged(&rig, "upgrade refused: "));
    cr_assert(rig_connects(port));
    rig_write(&rig, "nsgate.conf",
              "worker_processes 2;\nerror_log log info;\npid pid;\ntenants tenants/*.conf;\n");
    rig_signal(&rig, SIGHUP, "reload done: ");
    rig_signal(&rig, SIGUSR2, "upgrade done: ");
    rig_close(&rig);
}

Test(upgrade, reloads_meanwhile_are_not_lost)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_tenant(&rig, "a", port, "a");
    kill(rig.pid, SIGUSR2);
    rig_signal(&rig, SIGHUP, "reload done: 1 added");
    rig_expect(&rig, "upgrade done: ");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* What takes over is what was tried, whatever comes meanwhile. */
Test(upgrade, a_reload_during_the_trial_leads_to_another)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "slow-worker");
    rig_start(&rig, "started: 1 tenants");
    rig_signal(&rig, SIGUSR2, "upgrade: trying ");
    rig_tenant(&rig, "b", port, "b");
    rig_signal(&rig, SIGHUP, "reload done: 1 added");
    rig_expect(&rig, "upgrade: a reload has changed something meanwhile, trying again");
    rig_expect(&rig, "upgrade done: ");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* The old binary does not hear it any more, the new one does. */
Test(upgrade, a_signal_at_the_last_moment_is_not_lost)
{
    static const int numbers[] = {SIGTERM, SIGQUIT};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct rig rig;

        signal_at_save = numbers[i];
        rig_open(&rig);
        rig_start(&rig, "started: 0 tenants");
        rig_signal(&rig, SIGUSR2, " takes over");
        cr_assert_eq(rig_wait(&rig), 0);
        rig_close(&rig);
    }
}

Test(upgrade, the_end_comes_first)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    kill(rig.pid, SIGUSR2);
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_not(rig_has_logged(&rig, "upgrade done"));
    rig_close(&rig);
}
