/* SPDX-License-Identifier: MIT */
/* Listeners that were closed from inside. */
#include "sockets_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

TestSuite(dead, .init = sockets_rig_open, .fini = sockets_rig_close);

Test(dead, is_bound_anew_if_it_is_so)
{
    static const struct plan none;
    char text[32];
    char expected[64];
    struct plan plan = sockets_rig_plan(NULL, sockets_rig_address(text), NULL);
    struct ipc_listener_dead dead = {.address = slice_of(text), .error = EINVAL};
    struct tenant_sockets tenant;
    struct listener *listener;

    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
    sockets_bind(&sockets_rig.sockets, &tenant);
    sockets_rig.told[0] = '\0';
    listener = &tenant.listeners[0];
    listener->holders = 1;
    cr_assert_not(sockets_on_dead(&tenant, 2, &dead), "it does not hold it");
    cr_assert(sockets_on_dead(&tenant, 1, &dead), "only its own is dead");
    cr_assert_eq(listener->holders, 0);
    cr_assert_eq(listener->state, LISTENER_BOUND);
    listener->holders = 1;
    sockets_check_interfaces(&sockets_rig.sockets);
    sockets_rig_expect("");
    cr_assert_eq(shutdown(listener->fd, SHUT_RDWR), 0);
    cr_assert_not(sockets_on_dead(&tenant, 1, &dead));
    snprintf(expected, sizeof(expected), "closed a %s none; ", text);
    sockets_rig_expect(expected);
    cr_assert_eq(listener->state, LISTENER_DEGRADED);
    cr_assert_eq(listener->error, EINVAL);
    sockets_rig_wait(listener, LISTENER_BOUND);
    tenant_sockets_free(&tenant);
    plan_free(&plan);
}
