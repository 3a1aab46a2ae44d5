/* SPDX-License-Identifier: MIT */
/* The registry: groups are found again by tenant and upstream, and go when nobody needs them. */
#include "rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 1);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(backends, .init = setup, .fini = teardown);

Test(backends, a_reload_finds_the_same_group_and_its_connections)
{
    int fd = serve_once(&rig, 0, -1);
    const struct backend_group *before = rig_group(&rig);
    rig_bind(&rig);
    cr_assert_eq(rig_group(&rig), before);
    serve_once(&rig, 0, fd);
    close(fd);
}

Test(backends, tenants_of_other_names_share_nothing)
{
    struct tenant other = rig.tenant;
    struct tenant_upstream upstream = rig.upstream;
    other.config.name = SLICE("other");
    other.upstreams = &upstream;
    backends_bind(rig.backends, &other);
    cr_assert_neq(upstream.group, rig_group(&rig));
    backends_unbind(rig.backends, &other);
    rig_turn(&rig);
}

/* What a tenant leaves behind keeps its share, for who comes back under its name. */
Test(backends, the_share_of_what_is_left_is_found_again)
{
    struct loop_share *share = loop_share_new(&rig.loop, SHARE_WEIGHT);
    cr_assert_null(backends_share(rig.backends, rig.tenant.config.name));
    backends_set_share(rig.backends, rig.tenant.config.name, share);
    loop_share_unref(share);
    int fd = serve_once(&rig, 0, -1);
    cr_assert_eq(backends_share(rig.backends, rig.tenant.config.name), share);
    cr_assert_null(backends_share(rig.backends, SLICE("other")));
    backends_unbind(rig.backends, &rig.tenant);
    RIG_UNTIL(&rig, server_sees_end(fd));
    RIG_UNTIL(&rig, !backends_share(rig.backends, rig.tenant.config.name));
    close(fd);
}

Test(backends, the_last_unbind_closes_idle_connections)
{
    int fd = serve_once(&rig, 0, -1);
    backends_unbind(rig.backends, &rig.tenant);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(backends, an_exchange_outlives_its_group_s_tenant)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    backends_unbind(rig.backends, &rig.tenant);
    rig_turn(&rig);
    server_answer(&rig, fd, "late");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "late");
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    visit_close(&visit);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(backends, an_upstream_that_a_reload_drops_keeps_no_connections)
{
    struct visit visit;
    int idle = serve_once(&rig, 0, -1);
    visit_get(&visit, &rig);
    server_read(&rig, idle, "\r\n\r\n");
    int second = serve_once(&rig, 0, -1);
    /* The next tenant of that name has another upstream; the old one still has an exchange. */
    struct tenant next = rig.tenant;
    struct tenant_upstream upstream = rig.upstream;
    struct config_upstream config = rig.upstream_config;
    config.name = SLICE("other");
    upstream.config = &config;
    next.upstreams = &upstream;
    backends_bind(rig.backends, &next);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, server_sees_end(second));
    server_send(idle, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, server_sees_end(idle));
    backends_unbind(rig.backends, &rig.tenant);
    rig_turn(&rig);
    close(idle);
    close(second);
}

Test(backends, a_reload_without_upstreams)
{
    int fd = serve_once(&rig, 0, -1);
    struct tenant next = {.config = {.name = SLICE("acme")}};
    backends_bind(rig.backends, &next);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    backends_unbind(rig.backends, &rig.tenant);
    rig_turn(&rig);
    backends_unbind(rig.backends, &next);
    close(fd);
}

Test(backends, a_group_may_be_bound_again_before_it_is_gone)
{
    backends_unbind(rig.backends, &rig.tenant);
    backends_bind(rig.backends, &rig.tenant);
    rig_turn(&rig);
    close(serve_once(&rig, 0, -1));
}

Test(backends, drain_closes_idle_connections_and_keeps_none)
{
    int idle = serve_once(&rig, 0, -1);
    struct visit visit;
    backends_drain(rig.backends);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, server_sees_end(idle));
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_answer(&rig, fd, "bye");
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    RIG_UNTIL(&rig, server_sees_end(fd));
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    close(fd);
    close(idle);
}

Test(backends, an_eighth_of_what_a_tenant_may_hold_is_kept_for_other_attempts)
{
    struct exchange_allowance *allowance = backend_allowance(rig_group(&rig));
    size_t usual = allowance->most;
    backends_bound(rig.backends, SLICE("another"), 8);
    cr_assert_eq(allowance->most, usual);
    backends_bound(rig.backends, rig.tenant.config.name, 8 * (usual - 1));
    cr_assert_eq(allowance->most, usual - 1);
    backends_bound(rig.backends, rig.tenant.config.name, 16 * usual);
    cr_assert_eq(allowance->most, usual);
    backends_bound(rig.backends, rig.tenant.config.name, 4096);
    backends_bound(rig.backends, rig.tenant.config.name, SIZE_MAX);
    cr_assert_eq(allowance->most, usual, "no bound");
}
