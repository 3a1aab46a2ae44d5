/* SPDX-License-Identifier: MIT */
/* Reloads: what is added, changed, removed and refused, and what is left alone. */
#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(round, .fini = rig_end);

Test(round, counts_what_changed)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();
    int c = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", b, "b");
    rig_start(&rig, "started: 2 tenants");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    rig_tenant(&rig, "a", a, "new");
    rig_tenant(&rig, "c", c, "c");
    rig_remove(&rig, "tenants/b.conf");
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 1 changed, 1 removed, 0 refused");
    cr_assert(rig_connects(a) && rig_connects(c));
    rig_close(&rig);
}

Test(round, a_broken_tenant_keeps_its_last_good_version)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", b, "b");
    rig_start(&rig, "started: 2 tenants");
    rig_write(&rig, "tenants/a.conf", "netns host;\nnonsense 1;\n");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 1 refused");
    rig_expect(&rig, "a.conf:2:1: ");
    cr_assert(rig_connects(a));
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 1 refused");
    rig_tenant(&rig, "a", a, "a");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    rig_close(&rig);
}

Test(round, refused_at_the_start_and_mended_counts_as_added)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_write(&rig, "tenants/b.conf", "netns host;\nserver {\n");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_tenant(&rig, "b", b, "b");
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 0 changed, 0 removed, 0 refused");
    cr_assert(rig_connects(b));
    rig_close(&rig);
}

Test(round, a_broken_main_file_refuses_the_reload)
{
    struct rig rig;
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_start(&rig, "started: 1 tenants");
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    rig_signal(&rig, SIGHUP, "reload refused: ");
    cr_assert(rig_connects(a));
    rig_close(&rig);
}

Test(round, new_defaults_concern_all_tenants)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants");
    rig_write(&rig, "nsgate.conf",
              "worker_processes 3;\nworkers_per_tenant 2;\nerror_log log info;\npid pid2;\n"
              "tenants tenants/*.conf;\ndefaults { keepalive_timeout 7s; }\n");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 2 changed, 0 removed, 0 refused");
    cr_assert(rig_has_logged(&rig, "starting 3 workers in place of 2"));
    rig_close(&rig);
}

Test(round, an_address_moves_from_one_tenant_to_another)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_start(&rig, "started: 1 tenants");
    rig_tenant(&rig, "b", a, "b");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 1 refused");
    rig_expect(&rig, "tenant \"a\" has that address");
    rig_tenant(&rig, "a", b, "a");
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 1 changed, 0 removed, 0 refused");
    cr_assert(rig_connects(a) && rig_connects(b));
    rig_tenant(&rig, "0", a, "0"); /* before b in the order of files, and b leaves */
    rig_remove(&rig, "tenants/b.conf");
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 0 changed, 1 removed, 0 refused");
    rig_close(&rig);
}

Test(round, the_first_file_gets_the_address_at_the_start)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "b", port, "b");
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "tenant \"b\" cannot listen on");
    rig_close(&rig);
}

Test(round, names_that_cannot_be)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "a b", rig_port(), "a b");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_close(&rig);
}

Test(round, a_hail_of_signals_ends_in_what_is_true_last)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_start(&rig, "started: 1 tenants");
    for (int i = 0; i < 20; i++)
        kill(rig.pid, SIGHUP);
    rig_tenant(&rig, "b", b, "b");
    rig_signal(&rig, SIGHUP, "reload done: ");
    rig_expect(&rig, "reload done: 1 added");
    cr_assert(rig_connects(b));
    rig_close(&rig);
}
