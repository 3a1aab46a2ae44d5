/* SPDX-License-Identifier: MIT */
/* What a tenant is said to have. */
#include "frontend/gate.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

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

    frontend_stats(gate.frontend, take, &sum);
    cr_assert_eq(sum.connections, connections);
    cr_assert_eq(sum.draining, draining);
    cr_assert_eq(sum.requests, requests);
}

Test(stats, connections_and_requests_are_counted)
{
    gate_start(&gate, "return 200 'one';");
    check_stats(0, 0, 0);
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    check_stats(1, 0, 1);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    client_ask(&gate, GET, "one");
    gate_until(&gate, frontend_connections(gate.frontend) == 1);
    check_stats(1, 0, 3);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    check_stats(0, 0, 3);
    gate_close(&gate);
}

Test(stats, those_that_end_are_told_apart)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    check_stats(1, 0, 1);
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    check_stats(1, 1, 1);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    client_expect(&gate, fd, "end");
    close(back);
    close(fd);
    gate_close(&gate);
}
