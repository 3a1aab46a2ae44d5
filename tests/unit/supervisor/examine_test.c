/* SPDX-License-Identifier: MIT */
/* What the resolver refuses, and what it dies of. */
#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>

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
    rig_tenant(&rig, "a", rig_port(), "rename-me");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_tenant(&rig, "c", rig_port(), "swell-me refuse-me");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 2 refused");
    rig_expect(&rig, "malformed message: EXAMINED");
    cr_assert_not(rig_has_logged(&rig, "refused as it wished"));
    rig_close(&rig);
}
