/* SPDX-License-Identifier: MIT */
/* Namespaces that go after a reload has made a tenant leave them. */
#include "rig/rig.h"
#include "rig/talk.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(drains, .fini = rig_end);

#define CUT "cutting what it has left there"

static void open_with_limit(struct rig *rig, const char *limit)
{
    rig_open(rig);
    rig_write(rig, "nsgate.conf",
              "worker_processes 2;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout %s;\ntenants tenants/*.conf;\n",
              limit);
}

static void write_listener(const struct rig *rig, const char *netns)
{
    rig_write(rig, "tenants/a.conf", "netns %s;\nserver { listen 127.0.0.1:8080; return 200; }\n",
              netns);
}

static void write_asking(const struct rig *rig, const char *netns, const char *text)
{
    rig_write(rig, "tenants/a.conf",
              "netns host;\nupstream u { server 10.0.0.1:80 netns=%s; }\n"
              "server { listen 127.0.0.1:%d; return 200 '%s'; }\n",
              netns, rig_port(), text);
}

static void write_server(const struct rig *rig, const char *netns)
{
    write_asking(rig, netns, "ask-sockets");
}

Test(drains, of_a_removed_tenant)
{
    struct rig rig;
    char path[64];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "60s");
    write_listener(&rig, path);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8080 inside, 60000");
    test_netns_end(child);
    rig_expect(&rig, CUT);
    rig_expect(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8080 inside, 1500");
    rig_close(&rig);
}

Test(drains, of_a_tenant_that_moved)
{
    struct rig rig;
    char first[64];
    char second[64];
    pid_t one = test_netns_start(first);
    pid_t two = test_netns_start(second);

    open_with_limit(&rig, "60s");
    write_listener(&rig, first);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    write_listener(&rig, second);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed");
    test_netns_end(one);
    rig_expect(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8080 inside, 1500");
    cr_assert_not(rig_has_logged(&rig, "closing its listeners"), "it is not in that one");
    test_netns_end(two);
    rig_close(&rig);
}

Test(drains, of_a_listener_that_was_dropped)
{
    struct rig rig;
    char path[64];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "60s");
    write_listener(&rig, path);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    rig_write(&rig, "tenants/a.conf", "netns %s;\nserver { listen 127.0.0.1:8081; return 200; }\n",
              path);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed");
    test_netns_end(child);
    rig_expect(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8080 inside, 1500");
    rig_expect(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8081 inside, 1500");
    rig_close(&rig);
}

Test(drains, of_a_place_of_servers)
{
    struct rig rig;
    char path[64];
    char line[128];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "60s");
    rig_start(&rig, "started: 0 tenants");
    write_server(&rig, path);
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_signal(&rig, SIGHUP, line);
    rig_remove(&rig, "tenants/a.conf");
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 60000", path);
    talk_force(&rig, line);
    test_netns_end(child);
    rig_expect(&rig, CUT);
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1500", path);
    rig_expect(&rig, line);
    rig_close(&rig);
}

/* Exchanges that began before may need more sockets; and at the limit nothing there goes on. */
Test(drains, of_a_place_that_is_still_asked_for)
{
    struct rig rig;
    char path[64];
    char line[128];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "1s");
    rig_start(&rig, "started: 0 tenants");
    write_asking(&rig, path, "ask-sockets ask-when-removed");
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_signal(&rig, SIGHUP, line);
    rig_remove(&rig, "tenants/a.conf");
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1000", path);
    talk_force(&rig, line);
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_expect(&rig, line);
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 0", path);
    rig_expect(&rig, line);
    test_netns_end(child);
    rig_close(&rig);
}

/* What it had left is the new place's to let go of, before workers are given other sockets. */
Test(drains, of_a_place_to_which_it_returns)
{
    struct rig rig;
    char path[64];
    char line[128];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "60s");
    rig_start(&rig, "started: 0 tenants");
    write_server(&rig, path);
    snprintf(line, sizeof(line), "SOCKETS: a, %s, family 4, 0, 4 sockets", path);
    rig_signal(&rig, SIGHUP, line);
    rig_remove(&rig, "tenants/a.conf");
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 60000", path);
    talk_force(&rig, line);
    rig_write(&rig, "tenants/a.conf",
              "netns host;\nupstream u { server 10.0.0.1:80 netns=%s; }\n"
              "server { listen 127.0.0.1:%d; return 200; }\n",
              path, rig_port());
    rig_signal(&rig, SIGHUP, "reload done: 1 added");
    test_netns_end(child);
    rig_expect(&rig, "is gone or another one, leaving its servers");
    snprintf(line, sizeof(line), "SOCKETS_STALE: a, %s, family 0, 1500", path);
    rig_expect(&rig, line);
    cr_assert_not(rig_has_logged(&rig, CUT));
    rig_close(&rig);
}

Test(drains, are_followed_no_longer_than_anything_runs)
{
    struct rig rig;
    char path[64];
    pid_t child = test_netns_start(path);

    open_with_limit(&rig, "50ms");
    write_listener(&rig, path);
    rig_start(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, "LISTENER_CLOSE: a, 127.0.0.1:8080 inside, 50");
    usleep(300000);
    test_netns_end(child);
    usleep(200000);
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_not(rig_has_logged(&rig, CUT));
    rig_close(&rig);
}
