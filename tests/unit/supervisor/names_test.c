/* SPDX-License-Identifier: MIT */
/* Tenants whose host names have no address yet. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(supervisor_names, .fini = rig_end);

static void write_lacking(const struct rig *rig, int port)
{
    rig_write(rig, "tenants/b.conf",
              "netns host;\nupstream u { server name.test; }\n"
              "server { listen 127.0.0.1:%d; return 200 'names-die-until:%s/go;'; }\n",
              port, rig->folder);
}

Test(supervisor_names, a_new_tenant_waits_and_comes_by_itself)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    write_lacking(&rig, rig_port());
    rig_start(&rig, "started: 1 tenants, 1 waiting, 0 refused");
    cr_assert_eq(talk(&rig, "status\n", "tenant\tname=b\tnetns=\tinode=0\tstate=waiting\t"), 0);
    cr_assert(talk_said("error=examined.conf:3:4: host not found in upstream\n"));
    cr_assert(talk_said("end\t2\n"));
    cr_assert_eq(talk(&rig, "reload\n", "waiting\tb\texamined.conf:3:4: host not found"), 0);
    cr_assert(talk_said("0 refused, 0 degraded, 1 waiting\n") && talk_said("end\t2\n"));
    rig_write(&rig, "go", "%s", "");
    rig_expect(&rig, "tenant b: added");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    rig_close(&rig);
}

Test(supervisor_names, the_version_before_serves_until_then)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "b", port, "b");
    rig_start(&rig, "started: 1 tenants");
    write_lacking(&rig, port);
    cr_assert_eq(talk(&rig, "reload\n", "waiting\tb\texamined.conf:3:4: host not found"), 0);
    cr_assert(talk_said("end\t2\n"));
    cr_assert_eq(talk(&rig, "status\n", "state=serving\tbound=1"), 0);
    cr_assert(talk_said("error=examined.conf:3:4: host not found") && talk_said("end\t2\n"));
    /* Another file than the one that waits is for a reload. */
    rig_write(&rig, "tenants/b.conf", "netns host;\nnonsense;\n");
    rig_write(&rig, "go", "%s", "");
    rig_signal(&rig, SIGHUP, "0 changed, 0 removed, 1 refused");
    write_lacking(&rig, port);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed, 0 removed, 0 refused");
    cr_assert_eq(talk(&rig, "status\n", "error=\n"), 0);
    rig_close(&rig);
}

/* It would be read again for ever, and a refusal look like patience. */
Test(supervisor_names, who_has_none_does_not_wait_for_any)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "names-die-until:/nowhere/at/all;");
    rig_tenant(&rig, "b", rig_port(), "claims-names");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    cr_assert_eq(talk(&rig, "status\n", "tenant\tname=b\tnetns=host\tinode="), 0);
    cr_assert_not(rig_has_logged(&rig, "is tried again"));
    rig_close(&rig);
}
