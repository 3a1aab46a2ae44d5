/* SPDX-License-Identifier: MIT */
/* Tenants that exchange their addresses. */
#include "rig/rig.h"
#include "rig/talk.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(conflicts, .fini = rig_end);

#define CHANGED_TWO   "reload done: 0 added, 2 changed, 0 removed, 0 refused"
#define CHANGED_THREE "reload done: 0 added, 3 changed, 0 removed, 0 refused"

Test(conflicts, two_exchange_their_addresses)
{
    struct rig rig;
    int one = rig_port();
    int two = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", two, "b");
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", two, "a");
    rig_tenant(&rig, "b", one, "b");
    rig_signal(&rig, SIGHUP, CHANGED_TWO);
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", two, "b");
    rig_signal(&rig, SIGHUP, CHANGED_TWO);
    rig_close(&rig);
}

Test(conflicts, three_in_a_circle_all_or_those_that_can)
{
    struct rig rig;
    int one = rig_port();
    int two = rig_port();
    int three = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", two, "b");
    rig_tenant(&rig, "c", three, "c");
    rig_start(&rig, "started: 3 tenants");
    rig_tenant(&rig, "a", two, "a");
    rig_tenant(&rig, "b", three, "b");
    rig_tenant(&rig, "c", one, "c");
    rig_signal(&rig, SIGHUP, CHANGED_THREE);
    /* One that is broken keeps its own, and so does whoever waits for it in a row. */
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", two, "b");
    rig_write(&rig, "tenants/c.conf", "netns host;\nnonsense;\n");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 3 refused");
    cr_assert(rig_has_logged(&rig, "a.conf:2:17: tenant \"a\" cannot listen on 127.0.0.1:"));
    cr_assert(rig_has_logged(&rig, "tenant \"c\" has that address"));
    cr_assert(rig_has_logged(&rig, "tenant \"a\" has that address"));
    /* What was in force still is: the circle can be closed. */
    rig_tenant(&rig, "c", three, "c");
    rig_signal(&rig, SIGHUP, CHANGED_THREE);
    rig_close(&rig);
}

Test(conflicts, the_first_file_gets_what_two_want_from_a_third)
{
    struct rig rig;
    int one = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "c", one, "c");
    rig_start(&rig, "started: 1 tenants");
    rig_tenant(&rig, "b", one, "b");
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "c", rig_port(), "c");
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 1 changed, 0 removed, 1 refused");
    cr_assert(rig_has_logged(&rig, "tenant \"b\" cannot listen on"));
    cr_assert(rig_has_logged(&rig, "tenant \"a\" has that address"));
    rig_close(&rig);
}

Test(conflicts, one_that_keeps_its_address_is_not_robbed)
{
    struct rig rig;
    int one = rig_port();
    int two = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "b", one, "b");
    rig_tenant(&rig, "c", two, "c");
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", one, "changed");
    rig_tenant(&rig, "c", one, "c");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed, 0 removed, 2 refused");
    cr_assert(rig_connects(two));
    rig_close(&rig);
}

/* Into the other's namespace each, where nobody else may live. */
Test(conflicts, two_exchange_their_namespaces)
{
    static const char text[] = "netns %s;\nserver { listen 127.0.0.1:8080; return 200; }\n";
    struct rig rig;
    char one[64];
    char two[64];
    pid_t first = test_netns_start(one);
    pid_t second = test_netns_start(two);

    test_netns_raise(one);
    test_netns_raise(two);
    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf", text, one);
    rig_write(&rig, "tenants/b.conf", text, two);
    rig_start(&rig, "started: 2 tenants, 0 waiting");
    rig_write(&rig, "tenants/a.conf", text, two);
    rig_write(&rig, "tenants/b.conf", text, one);
    rig_signal(&rig, SIGHUP, CHANGED_TWO);
    cr_assert_not(rig_has_logged(&rig, "lives there"));
    cr_assert_not(rig_has_logged(&rig, "waiting for network namespace"));
    test_netns_end(first);
    test_netns_end(second);
    rig_close(&rig);
}

/* One that waited for it gets a namespace in the reload in which the other leaves it. */
Test(conflicts, who_waits_for_a_namespace_gets_it_when_it_is_left)
{
    static const char text[] = "netns %s;\nserver { listen 127.0.0.1:8080; return 200; }\n";
    struct rig rig;
    char one[64];
    pid_t first = test_netns_start(one);

    test_netns_raise(one);
    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf", text, one);
    rig_write(&rig, "tenants/b.conf", text, one);
    rig_tenant(&rig, "c", rig_port(), "c");
    rig_start(&rig, "started: 3 tenants, 1 waiting");
    rig_remove(&rig, "tenants/a.conf");
    cr_assert_eq(talk(&rig, "reload\n", "removed\ta\n"), 0);
    cr_assert(talk_said("reload done: 0 added, 0 changed, 1 removed, 0 refused"));
    cr_assert_not(talk_said("blocked\t"));
    test_netns_end(first);
    rig_close(&rig);
}

Test(conflicts, an_end_in_the_middle_leaves_nothing_behind)
{
    struct rig rig;
    int one = rig_port();
    int two = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", one, "a");
    rig_tenant(&rig, "b", two, "b");
    rig_start(&rig, "started: 2 tenants");
    rig_program(&rig, "exit 1");
    rig_tenant(&rig, "a", two, "a");
    rig_tenant(&rig, "b", one, "b");
    rig_signal(&rig, SIGHUP, "reloading");
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}
