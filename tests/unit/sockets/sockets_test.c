/* SPDX-License-Identifier: MIT */
/* Plans that follow each other, and generations of workers. */
#include "sockets_rig.h"

#include <criterion/criterion.h>

TestSuite(sockets, .init = sockets_rig_open, .fini = sockets_rig_close);

Test(sockets, what_both_plans_name_goes_on)
{
    static const struct plan none;
    char one[32];
    char two[32];
    struct plan plan = sockets_rig_plan(NULL, sockets_rig_address(one), sockets_rig_address(two));
    struct plan next = sockets_rig_plan(NULL, two, NULL);
    struct tenant_sockets tenant;
    struct plan before;
    int fd;

    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
    sockets_bind(&sockets_rig.sockets, &tenant);
    fd = tenant.listeners[1].fd;
    tenant.listeners[1].holders = 3;
    before = plan;
    sockets_release(&sockets_rig.sockets, &tenant, &next);
    plan = next;
    sockets_adopt(&sockets_rig.sockets, &tenant, &before);
    cr_assert_eq(tenant.listener_count, 1);
    cr_assert_eq(tenant.listeners[0].fd, fd);
    cr_assert_eq(tenant.listeners[0].holders, 3);
    cr_assert_eq(tenant.listeners[0].plan, &plan.listeners[0]);
    sockets_rig.sockets.offers[1].pause = 2.;
    sockets_on_generation(&sockets_rig.sockets);
    cr_assert_eq(tenant.listeners[0].holders, 0);
    cr_assert_eq(sockets_rig.sockets.offers[1].pause, 0.);
    tenant_sockets_free(&tenant);
    cr_assert(TAILQ_EMPTY(&sockets_rig.sockets.tenants));
    plan_free(&plan);
    plan_free(&before);
}

Test(sockets, a_limit_has_an_end)
{
    sockets_set(&sockets_rig.sockets, true, 1.5);
    cr_assert_eq(sockets_rig.sockets.drain_limit, 1500);
    sockets_set(&sockets_rig.sockets, true, 1e12);
    cr_assert_lt(sockets_rig.sockets.drain_limit, IPC_NO_LIMIT);
}
