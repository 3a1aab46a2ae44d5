/* SPDX-License-Identifier: MIT */
/* What is left behind in namespaces. */
#include "sockets_internal.h"
#include "sockets_rig.h"

#include "shared/netns.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(drains, .init = sockets_rig_open, .fini = sockets_rig_close);

static struct tenant_sockets tenant;
static struct plan plan;

/* In the namespace until sockets_leave, which leaves something behind. */
static void leave(const char *path)
{
    static const struct plan none;

    plan = sockets_rig_plan(path, "127.0.0.1:80", NULL);
    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
    sockets_bind(&sockets_rig.sockets, &tenant);
    sockets_leave(&sockets_rig.sockets, &tenant);
    tenant_sockets_free(&tenant);
    plan_free(&plan);
    sockets_rig.told[0] = '\0';
}

Test(drains, are_cut_when_their_namespace_goes)
{
    char path[64];
    pid_t child = test_netns_start(path);

    leave(path);
    cr_assert_not_null(namespace_find(&sockets_rig.namespaces, slice_of(path)));
    test_netns_end(child);
    namespaces_refresh(&sockets_rig.namespaces, false);
    sockets_rig_expect("closed a 127.0.0.1:80 1500; ");
    namespaces_refresh(&sockets_rig.namespaces, true);
    sockets_rig_expect("");
}

Test(drains, are_followed_no_longer_than_anything_runs)
{
    char path[64];
    pid_t child = test_netns_start(path);

    sockets_set(&sockets_rig.sockets, false, 0.01);
    leave(path);
    for (int i = 0; i < 10000 && !TAILQ_EMPTY(&sockets_rig.sockets.drains); i++)
        ev_run(sockets_rig.loop.ev, EVRUN_ONCE);
    cr_assert_null(namespace_find(&sockets_rig.namespaces, slice_of(path)));
    sockets_rig_expect("");
    test_netns_end(child);
}

Test(drains, give_no_sockets_of_listeners)
{
    char path[64];
    pid_t child = test_netns_start(path);
    const struct sockets_worker worker = {0, 1};
    struct ipc_sockets_ask question = {.tenant = SLICE("a"), .family = AF_INET};
    int fd;

    leave(path);
    question.netns = slice_of(path);
    cr_assert_eq(drain_open(&sockets_rig.sockets, worker, &question, &fd), ENOENT);
    test_netns_end(child);
}
