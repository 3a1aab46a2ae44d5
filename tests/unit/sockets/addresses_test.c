/* SPDX-License-Identifier: MIT */
/* Addresses that are listened on before they are there. */
#include "sockets_rig.h"

#include <criterion/criterion.h>

TestSuite(addresses, .init = sockets_rig_open, .fini = sockets_rig_close);

Test(addresses, one_that_is_not_here_is_told_and_looked_for)
{
    static const struct plan none;
    char text[32];
    struct plan plan = sockets_rig_plan(NULL, "192.0.2.1:4439", sockets_rig_address(text));
    struct tenant_sockets tenant;

    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
    sockets_bind(&sockets_rig.sockets, &tenant);
    cr_assert_eq(tenant.listeners[0].state, LISTENER_BOUND);
    cr_assert(tenant.listeners[0].is_absent);
    cr_assert_not(tenant.listeners[1].is_absent);
    tenant.listeners[1].is_absent = true; /* as if it had just come */
    sockets_look_for_addresses(&sockets_rig.sockets);
    cr_assert(tenant.listeners[0].is_absent);
    cr_assert_not(tenant.listeners[1].is_absent);
    tenant_sockets_free(&tenant);
    plan_free(&plan);
}
