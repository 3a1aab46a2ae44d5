/* SPDX-License-Identifier: MIT */
/* What a tenant is said to have. */
#include "frontend/rig.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

/* Adds up what is told of acme. */
static void take(void *owner, const struct frontend_stats *stats)
{
    struct frontend_stats *sum = owner;

    if (!slice_equal(stats->tenant, SLICE("acme")))
        return;
    sum->tenant = SLICE("acme");
    sum->connections += stats->connections;
    sum->draining += stats->draining;
    sum->requests += stats->requests;
}

static void check_stats(uint32_t connections, uint32_t draining, uint64_t requests)
{
    struct frontend_stats sum = {0};

    frontend_stats(rig.frontend, take, &sum);
    cr_assert_eq(sum.connections, connections);
    cr_assert_eq(sum.draining, draining);
    cr_assert_eq(sum.requests, requests);
}

Test(stats, connections_and_requests_are_counted)
{
    rig_start(&rig, "return 200 'one';");
    check_stats(0, 0, 0);
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    check_stats(1, 0, 1);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    client_ask(&rig, GET, "one");
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    check_stats(1, 0, 3);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    check_stats(0, 0, 3);
    rig_close(&rig);
}

Test(stats, those_that_end_are_told_apart)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    check_stats(1, 0, 1);
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    check_stats(1, 1, 1);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    client_expect(&rig, fd, "end");
    close(back);
    close(fd);
    rig_close(&rig);
}
