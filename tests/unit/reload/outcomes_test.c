/* SPDX-License-Identifier: MIT */
/* What a reload tells of each tenant. */
#include "rig/rig.h"
#include "rig/talk.h"

#include "reload/outcomes.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(outcomes, .fini = rig_end);

Test(outcomes, are_told_tenant_by_tenant)
{
    struct rig rig;
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", a, "new");
    rig_remove(&rig, "tenants/b.conf");
    rig_tenant(&rig, "c", rig_port(), "c");
    rig_write(&rig, "tenants/d.conf", "netns host;\nnonsense;\n");
    rig_write(&rig, "tenants/e.conf",
              "netns nsg-unit-none;\nserver { listen 127.0.0.1:80; return 200; }\n");
    rig_write(&rig, "tenants/f.conf", "netns host;\nserver { listen 192.0.2.1:%d; return 200; }\n",
              rig_port());
    rig_write(&rig, "tenants/g.conf",
              "netns /dev/null;\nserver { listen 127.0.0.1:80; return 200; }\n");
    cr_assert_eq(talk(&rig, "reload\n", "changed\ta\n"), 0);
    cr_assert(talk_said("removed\tb\n") && talk_said("added\tc\n") && talk_said("added\te\n"));
    cr_assert(talk_said("refused\td\t") && talk_said("d.conf:2:1: "));
    cr_assert(talk_said("waiting\te\tnetwork namespace nsg-unit-none: does not exist\n"));
    cr_assert(talk_said("degraded\tf\tlistening on 192.0.2.1:"));
    cr_assert(talk_said("blocked\tg\tnetwork namespace /dev/null: is a device"));
    cr_assert(talk_said("reload done: 4 added, 1 changed, 1 removed, 1 refused, 1 degraded, "
                        "1 waiting, 1 blocked\n"));
    cr_assert(talk_said("end\t1\n"));
    cr_assert(rig_has_logged(&rig, "tenant a: changed") &&
              rig_has_logged(&rig, "tenant b: removed"));
    cr_assert(rig_has_logged(&rig, "tenant c: added") &&
              rig_has_logged(&rig, "tenant e: waiting: "));
    cr_assert(rig_has_logged(&rig, "tenant d: refused: ") &&
              rig_has_logged(&rig, "d.conf:2:1: unknown directive"));
    rig_remove(&rig, "tenants/d.conf");
    cr_assert_eq(talk(&rig, "reload\n", "end\t2\n"), 0);
    cr_assert(talk_said("reload done: 0 added, 0 changed, 0 removed, 0 refused, 1 degraded, "));
    rig_close(&rig);
}

Test(outcomes, of_very_many_are_not_all_named_in_the_log)
{
    struct rig rig;
    char name[32];

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    for (unsigned i = 0; i < OUTCOMES_LOGGED + 7; i++) {
        snprintf(name, sizeof(name), "tenants/t%u.conf", i);
        rig_write(&rig, name, "netns host;\nmax_connections none;\n");
    }
    rig_signal(&rig, SIGHUP, "... and 7 more tenants refused");
    rig_expect(&rig, "reload done: 0 added, 0 changed, 0 removed, 107 refused");
    rig_close(&rig);
}
