/* SPDX-License-Identifier: MIT */
/* Listeners: bound, or tried again. */
#include "sockets_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(listeners, .init = sockets_rig_open, .fini = sockets_rig_close);

static struct tenant_sockets tenant;
static struct plan plan;

static void adopt(struct plan fresh)
{
    static const struct plan none;

    plan = fresh;
    tenant_sockets_init(&tenant, "a", &plan);
    sockets_adopt(&sockets_rig.sockets, &tenant, &none);
    sockets_bind(&sockets_rig.sockets, &tenant);
}

static void end(void)
{
    residents_leave(&sockets_rig.residents, &tenant.resident);
    tenant_sockets_free(&tenant);
    plan_free(&plan);
}

Test(listeners, an_address_in_use_is_tried_again)
{
    char text[32];
    int other;

    adopt(sockets_rig_plan(NULL, sockets_rig_address(text), NULL));
    cr_assert_eq(tenant.listeners[0].state, LISTENER_BOUND);
    sockets_rig_expect("bound a  0; ");
    other = dup(tenant.listeners[0].fd);
    sockets_close_all(&sockets_rig.sockets);
    sockets_rig.told[0] = '\0';
    sockets_bind(&sockets_rig.sockets, &tenant);
    cr_assert(tenant.listeners[0].is_awaited, "perhaps a worker lets go of it yet");
    cr_assert(pending_first(&sockets_rig.loop, PENDING_RELOAD));
    sockets_rig.sockets.held_until = 0.;
    sockets_bind(&sockets_rig.sockets, &tenant);
    cr_assert_eq(tenant.listeners[0].state, LISTENER_DEGRADED);
    cr_assert_eq(tenant.listeners[0].error, EADDRINUSE);
    close(other);
    sockets_rig_wait(&tenant.listeners[0], LISTENER_BOUND);
    cr_assert_null(pending_first(&sockets_rig.loop, PENDING_RELOAD));
    end();
}

Test(listeners, a_namespace_that_is_not_there_is_waited_for)
{
    adopt(sockets_rig_plan("/nowhere/at/all", "127.0.0.1:80", NULL));
    cr_assert_eq(tenant.listeners[0].state, LISTENER_WAITING);
    cr_assert_str_eq(tenant.trouble, "does not exist");
    cr_assert_not(tenant.is_blocked);
    cr_assert_not(deadline_is_set(&sockets_rig.sockets.retry), "news of it will come");
    end();
}

Test(listeners, the_hosts_own_namespace_is_not_entered_by_a_path)
{
    adopt(sockets_rig_plan("/proc/self/ns/net", "127.0.0.1:80", NULL));
    cr_assert_eq(tenant.listeners[0].state, LISTENER_WAITING);
    cr_assert(tenant.is_blocked, "it does not go by itself");
    end();
}

/* What the backstop tells every two seconds is no reason to try what has its own time. */
Test(listeners, what_is_degraded_is_not_tried_when_its_namespace_is_looked_at)
{
    adopt(sockets_rig_plan("/nowhere/at/all", "127.0.0.1:80", NULL));
    tenant.listeners[0].state = LISTENER_DEGRADED;
    sockets_rig.told[0] = '\0';
    namespaces_refresh(&sockets_rig.namespaces, true);
    cr_assert_eq(tenant.listeners[0].state, LISTENER_DEGRADED);
    sockets_rig_expect("");
    end();
}

Test(listeners, nothing_is_bound_any_more_at_the_end)
{
    char text[32];

    sockets_stop(&sockets_rig.sockets);
    adopt(sockets_rig_plan(NULL, sockets_rig_address(text), NULL));
    sockets_retry(&sockets_rig.sockets);
    cr_assert_eq(tenant.listeners[0].state, LISTENER_WAITING);
    cr_assert_not(deadline_is_set(&sockets_rig.sockets.retry));
    sockets_rig_expect("");
    end();
}
