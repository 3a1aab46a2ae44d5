/* SPDX-License-Identifier: MIT */
/* Addresses that a namespace does not have are listened on, and told. */
#include "rig/rig.h"
#include "rig/talk.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(addresses, .fini = rig_end);

/* The loopback device of a new namespace is down: it has no address. */
Test(addresses, is_looked_into_when_somebody_asks)
{
    struct rig rig;
    char path[64];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf", "netns %s;\nserver { listen 127.0.0.1:8080; return 200; }\n",
              path);
    rig_write(&rig, "tenants/b.conf", "netns %s;\nserver { listen 8081; return 200; }\n", path);
    rig_write(&rig, "nsgate.conf",
              "error_log log info;\npid pid;\ntenants tenants/*.conf;\n"
              "netns_shared on;\n");
    rig_start(&rig, "started: 2 tenants, 0 waiting");
    cr_assert_eq(talk(&rig, "status\n", "state=degraded\tbound=1"), 0);
    cr_assert(talk_said("listening on 127.0.0.1:8080, but network namespace "));
    cr_assert(talk_said("end\t2\n") && talk_said("state=serving\tbound=1"));
    test_netns_raise(path);
    cr_assert_eq(talk(&rig, "status\n", "end\t0\n"), 0);
    cr_assert(rig_has_logged(&rig, "has the address of 127.0.0.1:8080 now"));
    test_netns_end(child);
    rig_close(&rig);
}
