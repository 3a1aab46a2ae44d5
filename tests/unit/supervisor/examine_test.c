/* SPDX-License-Identifier: MIT */
/* What the resolver refuses, and what it dies of. */
#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(examine, .fini = rig_end);

Test(examine, a_refusal_is_that_tenants_alone)
{
    struct rig rig;
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", rig_port(), "refuse-me");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "tenant b: examined.conf:3:4: refused as it wished");
    rig_tenant(&rig, "a", a, "refuse-me");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 2 refused");
    cr_assert(rig_connects(a));
    rig_close(&rig);
}

Test(examine, who_kills_the_resolver_twice_is_refused_and_nobody_else)
{
    struct rig rig;

    rig_open(&rig);
    for (int i = 0; i < 5; i++)
        rig_tenant(&rig, (const char *[]){"a", "b", "c", "d", "e"}[i], rig_port(),
                   i == 2 ? "kill-me" : "x");
    rig_start(&rig, "started: 4 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "tenant c: ");
    rig_close(&rig);
}

Test(examine, an_answer_that_breaks_the_rules)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "garble-me");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "malformed message: EXAMINED");
    rig_close(&rig);
}

Test(examine, what_is_not_valid_now_never_replaces_what_is)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_tenant(&rig, "b", rig_port(), "outdate-me"); /* better than nothing */
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", port, "outdate-me");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 1 refused");
    rig_close(&rig);
}

Test(examine, an_answer_that_is_not_to_its_question)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "own-tree");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_tenant(&rig, "c", rig_port(), "swell-me refuse-me");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 2 refused");
    rig_expect(&rig, "malformed message: EXAMINED");
    cr_assert_not(rig_has_logged(&rig, "refused as it wished"));
    rig_close(&rig);
}

/* As by a kernel that is short of memory. */
Test(examine, who_is_killed_from_outside_is_nobodys_fault)
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

Test(examine, others_do_not_wait_for_a_suspect)
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

Test(examine, what_was_refused_for_a_death_is_tried_again)
{
    struct rig rig;
    int port = rig_port();
    char text[96];

    rig_open(&rig);
    snprintf(text, sizeof(text), "resolver-die-until:%s/mercy;", rig.folder);
    rig_tenant(&rig, "a", port, text);
    rig_start(&rig, "started: 0 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "tenant a: is tried again in 1 s");
    rig_expect(&rig, "tenant a: is tried again in 2 s");
    rig_write(&rig, "mercy", "%s", "");
    for (int i = 0; i < 2000 && !rig_connects(port); i++)
        usleep(5000);
    cr_assert(rig_connects(port));
    cr_assert_not(rig_has_logged(&rig, "reload"));
    rig_close(&rig);
}

/* Who changes files has not yet said that they shall be read. */
Test(examine, what_has_changed_meanwhile_waits_for_a_reload)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "kill-me");
    rig_start(&rig, "started: 0 tenants, 0 waiting, 1 refused");
    rig_tenant(&rig, "a", port, "good");
    usleep(2500 * 1000);
    cr_assert_not(rig_connects(port));
    rig_signal(&rig, SIGHUP, "reload done: 1 added, 0 changed, 0 removed, 0 refused");
    rig_close(&rig);
}
