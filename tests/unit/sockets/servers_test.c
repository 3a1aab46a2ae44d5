/* SPDX-License-Identifier: MIT */
/* Sockets for servers: who gets them, and where. */
#include "sockets_rig.h"

#include "shared/netns.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(servers, .init = sockets_rig_open, .fini = sockets_rig_close);

static const struct sockets_worker worker = {.half = 1, .bit = 4};
static struct tenant_sockets tenant;
static struct plan plan;

static void begin(const char *netns)
{
    static const struct plan none;

    plan = sockets_rig_servers(netns);
    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
}

static void end(void)
{
    tenant_sockets_free(&tenant);
    plan_free(&plan);
}

static void ask(const char *netns, unsigned count, int error)
{
    const struct ipc_sockets_ask question = {SLICE("a"), slice_of(netns), AF_INET};
    struct sockets_batch batch = {.family = AF_INET};

    sockets_fill(&sockets_rig.sockets, worker, &tenant, &question, &batch);
    cr_assert_eq(batch.count, count);
    cr_assert_eq(batch.error, error);
    for (unsigned i = 0; i < batch.count; i++)
        close(batch.sockets[i]);
}

Test(servers, a_batch_for_who_has_served_the_tenant)
{
    char path[64];
    char expected[128];
    pid_t child = test_netns_start(path);

    begin(path);
    ask(path, 0, ENOENT);
    tenant.served[1] = 4;
    ask("/elsewhere", 0, ENOENT);
    ask(path, IPC_DESCRIPTORS_MAX, 0);
    cr_assert(tenant.servers[0].is_used);
    test_netns_end(child);
    namespaces_refresh(&sockets_rig.namespaces, false);
    snprintf(expected, sizeof(expected), "stale a %s 1500; ", path);
    sockets_rig_expect(expected);
    cr_assert_not(tenant.servers[0].is_used);
    ask(path, 0, ENOENT);
    cr_assert_str_eq(tenant.servers[0].trouble, "does not exist");
    sockets_on_death(&sockets_rig.sockets, worker);
    cr_assert_eq(tenant.served[1], 0);
    end();
}

Test(servers, never_in_the_hosts_own)
{
    begin("/proc/self/ns/net");
    tenant.served[1] = 4;
    ask("/proc/self/ns/net", 0, EACCES);
    end();
}

Test(servers, that_have_been_left_are_still_asked_for)
{
    char path[64];
    char expected[128];
    pid_t child = test_netns_start(path);
    struct plan next = sockets_rig_servers("/elsewhere");
    struct plan before;

    begin(path);
    tenant.served[1] = 4;
    ask(path, IPC_DESCRIPTORS_MAX, 0);
    before = plan;
    plan = next;
    sockets_adopt(&sockets_rig.sockets, &tenant, &before);
    snprintf(expected, sizeof(expected), "stale a %s 60000; ", path);
    sockets_rig_expect(expected);
    ask(path, IPC_DESCRIPTORS_MAX, 0);
    plan = before;
    sockets_adopt(&sockets_rig.sockets, &tenant, &next);
    cr_assert(tenant.servers[0].is_used, "it was taken back");
    cr_assert(TAILQ_NEXT(TAILQ_FIRST(&sockets_rig.sockets.tenants), next) == NULL);
    plan_free(&next);
    end();
    test_netns_end(child);
}
