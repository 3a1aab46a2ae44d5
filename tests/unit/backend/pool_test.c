/* SPDX-License-Identifier: MIT */
/* Idle connections: which is taken, how many are kept, and when they go. */
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

TestSuite(pool, .init = setup, .fini = teardown);

/* count exchanges at the same time, all answered: as many connections become idle. */
static void fill(unsigned count, int *fds)
{
    struct visit visits[8];
    for (unsigned i = 0; i < count; i++)
        visit_get(&visits[i], &rig);
    for (unsigned i = 0; i < count; i++) {
        fds[i] = server_accept(&rig, 0);
        server_answer(&rig, fds[i], "hello");
    }
    for (unsigned i = 0; i < count; i++) {
        RIG_UNTIL(&rig, visits[i].has_ended);
        visit_close(&visits[i]);
        rig_turn(&rig);
    }
}

static void one_server(void)
{
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
}

Test(pool, a_connection_is_used_again)
{
    one_server();
    int fd = serve_once(&rig, 0, -1);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    for (unsigned i = 0; i < 3; i++)
        serve_once(&rig, 0, fd);
    cr_assert_not(server_has_connection(&rig, 0));
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(pool, the_most_recently_used_goes_first)
{
    one_server();
    int fds[2];
    fill(2, fds);
    cr_assert_eq(backends_idle_count(rig.backends), 2);
    serve_once(&rig, 0, fds[1]);
    close(fds[0]);
    close(fds[1]);
}

Test(pool, keepalive_bounds_the_group_and_the_oldest_goes)
{
    rig.upstream_config.keepalive = 2;
    one_server();
    int fds[3];
    fill(3, fds);
    cr_assert_eq(backends_idle_count(rig.backends), 2);
    RIG_UNTIL(&rig, server_sees_end(fds[0]));
    cr_assert_not(server_sees_end(fds[1]));
    cr_assert_not(server_sees_end(fds[2]));
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
}

Test(pool, keepalive_zero_keeps_none)
{
    rig.upstream_config.keepalive = 0;
    one_server();
    int fd = serve_once(&rig, 0, -1);
    RIG_UNTIL(&rig, server_sees_end(fd));
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    close(fd);
}

Test(pool, a_close_is_noticed_at_once)
{
    one_server();
    int fd = serve_once(&rig, 0, -1);
    close(fd);
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
}

Test(pool, a_reset_is_noticed_at_once)
{
    one_server();
    int fd = serve_once(&rig, 0, -1);
    server_reset(fd);
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
}

Test(pool, unexpected_bytes_end_an_idle_connection)
{
    one_server();
    int fd = serve_once(&rig, 0, -1);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(pool, a_lower_limit_closes_what_is_beyond)
{
    one_server();
    int fds[3];
    fill(3, fds);
    rig.upstream_config.keepalive = 1;
    rig_bind(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
}

Test(pool, what_one_tenant_keeps_can_be_closed_in_pieces)
{
    int fds[4];
    one_server();
    fill(4, fds);
    backends_close_idle_of(rig.backends, SLICE("another"), 4);
    cr_assert_eq(backends_idle_count(rig.backends), 4);
    backends_close_idle_of(rig.backends, rig.tenant.config.name, 3);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    cr_assert_not(server_sees_end(fds[3]), "the oldest go first");
    backends_close_idle_of(rig.backends, rig.tenant.config.name, 3);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    for (unsigned i = 0; i < 4; i++)
        close(fds[i]);
}

Test(pool, connections_are_counted)
{
    struct visit visit;
    int fds[2];

    one_server();
    rig_count(&rig);
    fill(2, fds);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_OPENED), 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_CONNECTIONS), 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_IDLE), 2);
    visit_get(&visit, &rig);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_CONNECTIONS), 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_IDLE), 1);
    server_answer(&rig, fds[1], "hello");
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    RIG_UNTIL(&rig, rig_counted(&rig, METRIC_ENDPOINT_IDLE) == 2);
    close(fds[0]);
    RIG_UNTIL(&rig, rig_counted(&rig, METRIC_ENDPOINT_CONNECTIONS) == 1);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_IDLE), 1);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_OPENED), 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_RETRIES), 0);
    close(fds[1]);
}
