/* SPDX-License-Identifier: MIT */
/* One tenant's file: refused, kept, tried again. */
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(tenant_reload, .fini = rig_end);

Test(tenant_reload, a_refusal_is_that_tenants_alone)
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

Test(tenant_reload, what_is_not_valid_now_never_replaces_what_is)
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

Test(tenant_reload, what_was_refused_for_a_death_is_tried_again)
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
Test(tenant_reload, what_has_changed_meanwhile_waits_for_a_reload)
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
