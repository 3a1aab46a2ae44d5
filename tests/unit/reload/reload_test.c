/* SPDX-License-Identifier: MIT */
/* Reloads: what is added, changed, removed and refused, and what is left alone. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(reload, .fini = rig_end);

Test(reload, counts_what_changed)
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

Test(reload, a_broken_tenant_keeps_its_last_good_version)
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

Test(reload, refused_at_the_start_and_mended_counts_as_added)
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

Test(reload, a_broken_main_file_refuses_the_reload)
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

Test(reload, new_defaults_concern_all_tenants)
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

Test(reload, an_address_moves_from_one_tenant_to_another)
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

Test(reload, the_first_file_gets_the_address_at_the_start)
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

Test(reload, names_that_cannot_be)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "a b", rig_port(), "a b");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_close(&rig);
}

Test(reload, a_hail_of_signals_ends_in_what_is_true_last)
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

static void tenants(const struct rig *rig, unsigned from, unsigned to, bool are_there)
{
    static int ports[16];
    char name[32];

    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof(name), are_there ? "t%u" : "tenants/t%u.conf", i);
        if (are_there)
            rig_tenant(rig, name, ports[i] ? ports[i] : (ports[i] = rig_port()), name);
        else
            rig_remove(rig, name);
    }
}

Test(reload, that_would_remove_most_tenants_is_refused_unless_it_is_forced)
{
    struct rig rig;

    rig_open(&rig);
    tenants(&rig, 0, 8, true);
    rig_start(&rig, "started: 8 tenants");
    tenants(&rig, 0, 4, false);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 4 removed, 0 refused");
    tenants(&rig, 0, 4, true);
    rig_signal(&rig, SIGHUP, "reload done: 4 added");
    tenants(&rig, 0, 5, false);
    rig_signal(&rig, SIGHUP, "reload refused: it would remove 5 of 8 tenants");
    cr_assert_eq(talk(&rig, "reload\n", "summary\treload refused: it would remove 5 of 8"), 0);
    cr_assert(talk_said("end\t1\n"));
    cr_assert_eq(talk(&rig, "status\n", "tenant\tname=t0\tnetns=host\t"), 0);
    talk_force(&rig, "reload done: 0 added, 0 changed, 5 removed, 0 refused");
    tenants(&rig, 5, 7, false);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 2 removed, 0 refused");
    tenants(&rig, 7, 8, false);
    rig_signal(&rig, SIGHUP, "reload refused: it would remove 1 of 1 tenants");
    rig_close(&rig);
}

Test(reload, that_was_forced_does_not_force_the_next)
{
    struct rig rig;

    rig_open(&rig);
    tenants(&rig, 0, 2, true);
    rig_start(&rig, "started: 2 tenants");
    cr_assert_eq(talk(&rig, "reload-forced\n", "end\t0\n"), 0);
    tenants(&rig, 0, 2, false);
    rig_signal(&rig, SIGHUP, "reload refused: it would remove 2 of 2 tenants");
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    cr_assert_eq(talk(&rig, "reload-forced\n", "end\t1\n"), 0);
    rig_write(&rig, "nsgate.conf", "error_log log info;\npid pid;\ntenants elsewhere/*.conf;\n");
    rig_signal(&rig, SIGHUP, "reload refused: it would remove 2 of 2 tenants");
    rig_close(&rig);
}

Test(reload, that_finds_the_same_elsewhere_in_a_file_changes_nothing)
{
    struct rig rig;
    int a = rig_port();
    int b = rig_port();

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf",
              "error_log log info;\npid pid;\ntenants tenants/*.conf;\n"
              "defaults { add_header X-One 1; }\n");
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", b, "b");
    rig_start(&rig, "started: 2 tenants");
    rig_write(&rig, "nsgate.conf",
              "# above\nerror_log log info;\npid pid;\ntenants tenants/*.conf;\n"
              "\n\ndefaults {\n  # in it\n add_header  X-One   1;\n}\n");
    rig_write(&rig, "tenants/a.conf",
              "# another\n\nnetns host;\nserver {\n  listen 127.0.0.1:%d;\n return 200 \"a\"; }\n",
              a);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    rig_write(&rig, "tenants/a.conf",
              "# another\n\nnetns host;\nserver {\n  listen 127.0.0.1:%d;\n retrun 200 \"a\"; }\n",
              a);
    rig_signal(&rig, SIGHUP, "a.conf:6:2: ");
    rig_expect(&rig, "tenant a: refused: ");
    rig_expect(&rig, "reload done: 0 added, 0 changed, 0 removed, 1 refused");
    rig_close(&rig);
}
