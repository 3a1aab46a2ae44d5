/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces: who gets them, how many, and when they are called back. The
 * rig's workers ask as the tenant's text tells them, and log what they get. */
#include "rig/rig.h"
#include "rig/talk.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite(worker_sockets, .fini = rig_end);

static void write_tenant(const struct rig *rig, const char *netns, const char *text)
{
    rig_write(rig, "tenants/a.conf",
              "netns host;\nupstream u { server 10.0.0.1:80 netns=%s; server [::1]:80 netns=%s; }\n"
              "server { listen 127.0.0.1:%d; return 200 '%s'; }\n",
              netns, netns, rig_port(), text);
}

static void expect_answer(struct rig *rig, const char *netns, const char *answer)
{
    char line[256];

    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, %s", netns, answer);
    rig_expect(rig, line);
}

Test(worker_sockets, a_batch_from_inside_called_back_when_the_namespace_goes)
{
    struct rig rig;
    char path[64];
    char line[128];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    write_tenant(&rig, path, "ask-sockets");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    cr_assert_not(rig_has_logged(&rig, "no sockets"));
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    if (!rig_has_logged(&rig, line))
        rig_expect(&rig, line);
    test_netns_end(child);
    rig_expect(&rig, "is gone or another one, leaving its servers");
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1500", path);
    rig_expect(&rig, line);
    rig_close(&rig);
}

Test(worker_sockets, an_absent_namespace_brings_none)
{
    struct rig rig;

    rig_open(&rig);
    write_tenant(&rig, "/nowhere/at/all", "ask-sockets");
    rig_start(&rig, "started: 1 tenants");
    write_tenant(&rig, "/nowhere/at/all", "ask-sockets again");
    rig_signal(&rig, SIGHUP, "SOCKETS: a, /nowhere/at/all, family 4, 2, 0 sockets");
    cr_assert(rig_has_logged(&rig, "tenant a: no sockets for servers in network namespace "
                                   "/nowhere/at/all: does not exist"));
    rig_close(&rig);
}

Test(worker_sockets, only_where_the_tenant_has_servers)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_tenant(&rig, "a", rig_port(), "ask-sockets");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_not(rig_has_logged(&rig, "no sockets for servers"));
    rig_tenant(&rig, "a", rig_port(), "ask-sockets netns=/proc/self/ns/net");
    rig_signal(&rig, SIGHUP, "SOCKETS: a, /proc/self/ns/net, family 4, 2, 0 sockets");
    cr_assert(rig_has_logged(&rig, "SOCKETS: a, unnamed, family 4, 2, 0 sockets"));
    rig_close(&rig);
}

Test(worker_sockets, never_in_the_hosts_own)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_tenant(&rig, "/proc/self/ns/net", "ask-sockets");
    rig_signal(&rig, SIGHUP, "is the host's own network namespace");
    expect_answer(&rig, "/proc/self/ns/net", "13, 0 sockets");
    rig_close(&rig);
}

Test(worker_sockets, who_asks_too_often_is_put_off)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_tenant(&rig, "/nowhere", "ask-sockets flood-sockets");
    rig_signal(&rig, SIGHUP, "SOCKETS: a, /nowhere, family 4, 11, 0 sockets");
    rig_close(&rig);
}

Test(worker_sockets, a_malformed_question_ends_the_worker)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_tenant(&rig, "/nowhere", "ask-sockets odd-family");
    rig_signal(&rig, SIGHUP, "malformed message: SOCKETS_ASK");
    rig_close(&rig);
}

Test(worker_sockets, a_reload_calls_back_what_is_named_no_more)
{
    struct rig rig;
    char path[64];
    char line[128];
    char text[128];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_tenant(&rig, path, "ask-sockets");
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_signal(&rig, SIGHUP, line);
    write_tenant(&rig, path, "something else");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_not(rig_has_logged(&rig, "SOCKETS_STALE"));
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1000", path);
    snprintf(text, sizeof(text), "ask-sockets netns=%s", path);
    rig_tenant(&rig, "a", rig_port(), text);
    rig_signal(&rig, SIGHUP, line);
    /* Exchanges that began before may still ask. */
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_expect(&rig, line);
    test_netns_end(child);
    rig_close(&rig);
}

Test(worker_sockets, a_tenant_that_goes_leaves_its_servers)
{
    struct rig rig;
    char path[64];
    char line[128];
    pid_t child = test_netns_start(path);

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_tenant(&rig, path, "ask-sockets");
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_signal(&rig, SIGHUP, line);
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1000", path);
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, line);
    test_netns_end(child);
    rig_close(&rig);
}
