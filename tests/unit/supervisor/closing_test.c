/* SPDX-License-Identifier: MIT */
/* Listeners whose namespace goes, or becomes another tenant's. */
#include "rig/rig.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(closing, .fini = rig_end);

static void write_tenant(const struct rig *rig, const char *name, const char *netns)
{
    char file[64];

    snprintf(file, sizeof(file), "tenants/%s.conf", name);
    rig_write(rig, file, "netns %s;\nserver { listen 127.0.0.1:8080; return 200; }\n", netns);
}

Test(closing, a_process_that_ends)
{
    struct rig rig;
    char path[64];
    char text[64];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    snprintf(text, sizeof(text), "pid:%d", (int)child);
    write_tenant(&rig, "a", text);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    test_netns_end(child);
    rig_expect(&rig, "is gone or another one, closing its listeners");
    rig_expect(&rig, "its process has ended");
    rig_close(&rig);
}

Test(closing, a_path_that_leads_elsewhere)
{
    struct rig rig;
    char first_path[64];
    char second_path[64];
    char link[128];
    char fresh[128];
    pid_t first = test_netns_start(first_path);
    pid_t second = test_netns_start(second_path);

    rig_open(&rig);
    snprintf(link, sizeof(link), "%s/link", rig.folder);
    snprintf(fresh, sizeof(fresh), "%s/fresh", rig.folder);
    cr_assert_eq(symlink(first_path, link), 0);
    write_tenant(&rig, "a", link);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    cr_assert_eq(symlink(second_path, fresh), 0);
    cr_assert_eq(rename(fresh, link), 0);
    rig_expect(&rig, "is gone or another one, closing its listeners");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_not(rig_has_logged(&rig, "waiting for network namespace"));
    test_netns_end(first);
    test_netns_end(second);
    rig_close(&rig);
}

Test(closing, a_neighbour_waits_until_the_other_leaves)
{
    struct rig rig;
    char path[64];
    char text[64];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    snprintf(text, sizeof(text), "pid:%d", (int)child);
    write_tenant(&rig, "a", text);
    rig_write(&rig, "tenants/b.conf", "netns %s;\nserver { listen 127.0.0.1:8081; return 200; }\n",
              path); /* the rig's workers let go of no socket */
    rig_start(&rig, "started: 2 tenants, 1 waiting, 0 refused");
    rig_expect(&rig, "tenant b: waiting for network namespace");
    rig_expect(&rig, "tenant \"a\" lives there, and \"netns_shared\" is off");
    rig_remove(&rig, "tenants/a.conf");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 1 removed");
    rig_expect(&rig, "tenant b: listening on 127.0.0.1:8081");
    test_netns_end(child);
    rig_close(&rig);
}

Test(closing, a_shared_namespace)
{
    struct rig rig;
    char path[64];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf",
              "worker_processes 2;\nerror_log log info;\npid pid;\nnetns_shared on;\n"
              "tenants tenants/*.conf;\n");
    write_tenant(&rig, "a", path);
    rig_write(&rig, "tenants/b.conf", "netns %s;\nserver { listen 127.0.0.1:8081; return 200; }\n",
              path);
    rig_start(&rig, "started: 2 tenants, 0 waiting, 0 refused");
    test_netns_end(child);
    rig_close(&rig);
}
