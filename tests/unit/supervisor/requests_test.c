/* SPDX-License-Identifier: MIT */
/* What the control socket may ask for, of a whole supervisor. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(requests, .fini = rig_end);

Test(requests, tells_each_tenants_fate)
{
    struct rig rig;
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_tenant(&rig, "d", rig_port(), "d");
    rig_start(&rig, "started: 3 tenants");
    cr_assert_eq(talk(&rig, "reload\n", "summary\treload done: 0 added, 0 changed"), 0);
    rig_tenant(&rig, "a", a, "new");
    rig_tenant(&rig, "c", rig_port(), "c");
    rig_remove(&rig, "tenants/b.conf");
    rig_write(&rig, "tenants/d.conf", "netns host;\nnonsense 1;\nnonsense 2;\n");
    rig_tenant(&rig, "e e", rig_port(), "e");
    cr_assert_eq(talk(&rig, "reload\n", "changed\ta\n"), 0);
    cr_assert(talk_said("added\tc\n"));
    cr_assert(talk_said("removed\tb\n"));
    cr_assert(talk_said("refused\td\t"));
    cr_assert(talk_said("d.conf:2:1: "));
    cr_assert(talk_said(" (and 1 more)\n"));
    cr_assert(talk_said("refused\te e\t"));
    cr_assert(talk_said("summary\treload done: 1 added, 1 changed, 1 removed, 2 refused\n"));
    cr_assert(talk_said("end\t1\n"));
    rig_close(&rig);
}

Test(requests, tells_what_the_resolver_refuses)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_tenant(&rig, "a", rig_port(), "refuse-me");
    cr_assert_eq(talk(&rig, "reload\n", "refused\ta\texamined.conf:3:4: refused as it wished\n"),
                 0);
    rig_tenant(&rig, "a", rig_port(), "kill-me");
    cr_assert_eq(talk(&rig, "reload\n", "the resolver died over it twice\n"), 0);
    rig_close(&rig);
}

Test(requests, a_broken_main_file_is_told_with_its_errors)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    cr_assert_eq(talk(&rig, "reload\n", "nsgate.conf:1:1: "), 0);
    cr_assert(talk_said("error\t"));
    cr_assert(talk_said("summary\treload refused: "));
    cr_assert(talk_said("end\t1\n"));
    rig_close(&rig);
}

Test(requests, passes_warnings_on)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_write(&rig, "tenants/a.conf", "netns host;\n");
    cr_assert_eq(talk(&rig, "reload\n", "a.conf: there is no \"server\""), 0);
    cr_assert(talk_said("warning\t"));
    cr_assert(talk_said("added\ta\n"));
    cr_assert(talk_said("end\t0\n"));
    rig_close(&rig);
}

/* What was written before the request is in the answer, even when a round runs already. */
Test(requests, a_request_during_a_round_waits_for_the_next)
{
    struct rig rig;
    int fds[4];

    rig_open(&rig);
    for (int i = 0; i < 20; i++) {
        char name[32];

        snprintf(name, sizeof(name), "tenants/t%d.conf", i);
        rig_write(&rig, name, "netns host;\n");
    }
    rig_start(&rig, NULL);
    rig_expect(&rig, "started worker 1");
    for (int i = 0; i < 4; i++)
        fds[i] = talk_begin(&rig, "reload\n");
    rig_tenant(&rig, "late", rig_port(), "late");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    for (int i = 0; i < 4; i++) {
        talk_end(fds[i]);
        cr_assert(talk_said("end\t0\n"));
    }
    cr_assert_eq(talk(&rig, "reload\n", "0 added, 0 changed, 0 removed, 0 refused"), 0);
    rig_close(&rig);
}

Test(requests, who_waits_is_told_when_it_ends)
{
    struct rig rig;
    int fd;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    kill(rig_child(&rig, "worker 0"), SIGSTOP);
    kill(rig_child(&rig, "worker 1"), SIGSTOP);
    rig_tenant(&rig, "b", rig_port(), "b");
    fd = talk_begin(&rig, "reload\n");
    rig_expect(&rig, "started resolver");
    rig_expect(&rig, "listening on");
    kill(rig.pid, SIGTERM);
    talk_end(fd);
    cr_assert(talk_said("error\tnsgate is ending\nend\t1\n"));
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

/* A refusal has its reason; who has taken over only closes, and counts. */
Test(requests, an_upgrade)
{
    struct rig rig;
    int fd;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    talk(&rig, "upgrade\n", "end\t1\n");
    cr_assert(talk_said("nsgate.conf:1:1: "));
    cr_assert(talk_said("\t0\n"), "none before");
    rig_write(&rig, "nsgate.conf", "error_log log info;\npid pid;\nworker_processes 2;\n");
    fd = talk_begin(&rig, "upgrade\n");
    talk_end(fd);
    cr_assert_not(talk_said("end\t"));
    rig_expect(&rig, "upgrade done: ");
    talk(&rig, "reload\n", "end\t0\n");
    cr_assert(talk_said("\t1\n"), "one before");
    rig_close(&rig);
}

Test(requests, status_is_told_tenant_by_tenant)
{
    struct rig rig;
    char expected[128];
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_write(&rig, "tenants/b.conf", "nonsense;\n");
    rig_tenant(&rig, "c", rig_port(), "outdate-me");
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", a, "another");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_eq(talk(&rig, "status\n", "gateway\tversion="), 0);
    snprintf(expected, sizeof(expected), "\tpid=%d\tuptime=", (int)rig.pid);
    cr_assert(talk_said(expected));
    cr_assert(talk_said("\tgeneration=1\tworkers=2\tready=") && talk_said("\tdraining=0\t"));
    cr_assert(
        talk_said("tenant\tname=a\tnetns=host\tinode=0\tstate=serving\tbound=1\tlisteners=1"));
    cr_assert(talk_said("\tgeneration=2\terror=\n"));
    cr_assert(talk_said("tenant\tname=b\tnetns=\tinode=0\tstate=refused\tbound=0\tlisteners=0\t"));
    cr_assert(talk_said("\texpires=0\tgeneration=0\terror="));
    cr_assert(talk_said("b.conf:1:1: unknown directive"));
    cr_assert(talk_said("\texpires=1\tgeneration=1\terror=\n"));
    cr_assert(talk_said("end\t1\n"), "one is refused");
    rig_close(&rig);
}
