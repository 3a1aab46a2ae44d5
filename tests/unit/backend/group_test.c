/* SPDX-License-Identifier: MIT */
/* Endpoints over reloads: those whose address stays keep their health and their connections. */
#include "rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 2);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(group, .init = setup, .fini = teardown);

static void swap_endpoints(void)
{
    struct address first = rig.endpoints[0].address;
    rig.endpoints[0].address = rig.endpoints[1].address;
    rig.endpoints[1].address = first;
}

Test(group, an_endpoint_keeps_its_connections_when_its_line_moves)
{
    int fds[2] = {serve_once(&rig, 0, -1), serve_once(&rig, 1, -1)};
    swap_endpoints();
    rig_bind(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 2);
    /* Whichever comes first, both connections are used again. */
    struct visit visits[2];
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    server_answer(&rig, fds[0], "hello");
    server_answer(&rig, fds[1], "hello");
    for (unsigned i = 0; i < 2; i++) {
        RIG_UNTIL(&rig, visits[i].has_ended);
        visit_close(&visits[i]);
        close(fds[i]);
    }
    cr_assert_not(server_has_connection(&rig, 0));
    cr_assert_not(server_has_connection(&rig, 1));
}

Test(group, an_endpoint_keeps_its_failures)
{
    struct backend_attempts attempts = {0};
    close(rig.listeners[0]);
    rig.listeners[0] = -1;
    struct visit visit;
    visit_get(&visit, &rig);
    RIG_UNTIL(&rig, visit.failures == 1);
    visit_close(&visit);
    cr_assert_eq(backend_untried(rig_group(&rig), &attempts), 1);
    rig_bind(&rig);
    cr_assert_eq(backend_untried(rig_group(&rig), &attempts), 1);
}

Test(group, a_removed_endpoint_s_idle_connections_close)
{
    int fd = serve_once(&rig, 0, -1);
    rig.endpoints[0] = rig.endpoints[1];
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(group, an_exchange_ends_with_an_endpoint_that_was_removed)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    rig.endpoints[0] = rig.endpoints[1];
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    server_answer(&rig, fd, "late");
    RIG_UNTIL(&rig, visit.has_ended);
    /* The log still knows where it went, and a failure of what is gone counts for nobody. */
    cr_assert_gt(visit.attempts.address.len, 0);
    backend_attempt_failed(rig_group(&rig), &visit.attempts);
    visit_close(&visit);
    RIG_UNTIL(&rig, server_sees_end(fd));
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    close(fd);
}

Test(group, the_same_address_twice_is_two_endpoints)
{
    struct backend_attempts attempts = {0};
    rig.endpoints[1].address = rig.endpoints[0].address;
    rig_bind(&rig);
    rig_bind(&rig);
    cr_assert_eq(backend_untried(rig_group(&rig), &attempts), 2);
}

Test(group, an_upstream_without_endpoints_has_none_to_give)
{
    rig.upstream.endpoint_count = 0;
    rig_bind(&rig);
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, 0);
    cr_assert_eq(visit_start(&visit), ERROR_NO_ENDPOINT);
    visit_close(&visit);
}
