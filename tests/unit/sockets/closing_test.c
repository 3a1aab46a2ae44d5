/* SPDX-License-Identifier: MIT */
/* Listeners that end, and neighbours in one namespace. */
#include "sockets_rig.h"

#include "shared/netns.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(closing, .init = sockets_rig_open, .fini = sockets_rig_close);

static const struct plan none;
static char expected[128];

static void begin(struct tenant_sockets *tenant, const char *name, const struct plan *plan)
{
    tenant_sockets_init(tenant, name, plan);
    sockets_adopt(&sockets_rig.sockets, tenant, &none);
    sockets_bind(&sockets_rig.sockets, tenant);
    sockets_rig.told[0] = '\0';
}

static void end(struct tenant_sockets *tenant, struct plan *plan)
{
    residents_leave(&sockets_rig.residents, &tenant->resident);
    tenant_sockets_free(tenant);
    plan_free(plan);
}

Test(closing, only_what_the_next_plan_names_no_more)
{
    char one[32];
    char two[32];
    struct plan plan = sockets_rig_plan(NULL, sockets_rig_address(one), sockets_rig_address(two));
    struct plan next = sockets_rig_plan(NULL, two, NULL);
    struct tenant_sockets tenant;

    begin(&tenant, "a", &plan);
    sockets_release(&sockets_rig.sockets, &tenant, &next);
    snprintf(expected, sizeof(expected), "closed a %s 60000; ", one);
    sockets_rig_expect(expected);
    cr_assert_eq(tenant.listeners[0].fd, -1);
    cr_assert_eq(tenant.listeners[1].state, LISTENER_BOUND);
    sockets_close_all(&sockets_rig.sockets);
    snprintf(expected, sizeof(expected), "closed a %s 60000; ", two);
    sockets_rig_expect(expected);
    end(&tenant, &plan);
    plan_free(&next);
}

Test(closing, with_its_namespace)
{
    char path[64];
    pid_t child = test_netns_start(path);
    struct plan plan = sockets_rig_plan(path, "127.0.0.1:80", NULL);
    struct tenant_sockets tenant;

    begin(&tenant, "a", &plan);
    cr_assert_eq(tenant.listeners[0].state, LISTENER_BOUND);
    cr_assert_not_null(tenant.resident.residence);
    test_netns_end(child);
    namespaces_refresh(&sockets_rig.namespaces, false);
    sockets_rig_expect("closed a 127.0.0.1:80 1500; bound a  0; ");
    cr_assert_eq(tenant.listeners[0].state, LISTENER_WAITING);
    cr_assert_null(tenant.resident.residence);
    end(&tenant, &plan);
}

Test(closing, a_neighbour_waits_until_the_other_leaves)
{
    char path[64];
    pid_t child = test_netns_start(path);
    struct plan plan = sockets_rig_plan(path, "127.0.0.1:80", NULL);
    struct plan other_plan = sockets_rig_plan(path, "127.0.0.1:81", NULL);
    struct tenant_sockets tenant;
    struct tenant_sockets other;

    begin(&tenant, "a", &plan);
    begin(&other, "b", &other_plan);
    cr_assert_eq(other.listeners[0].state, LISTENER_WAITING);
    cr_assert_str_eq(other.trouble, "tenant \"a\" lives there, and \"netns_shared\" is off");
    sockets_leave(&sockets_rig.sockets, &tenant);
    sockets_rig_wait(&other.listeners[0], LISTENER_BOUND); /* which is told of it first */
    end(&other, &other_plan);
    end(&tenant, &plan);
    test_netns_end(child);
}
