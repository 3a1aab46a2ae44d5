/* SPDX-License-Identifier: MIT */
/* What a tenant is said to have. */
#include "frontend/gate.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

/* Adds up what is told of acme. */
static void take(void *owner, const struct frontend_figures *figures)
{
    struct frontend_figures *sum = owner;

    if (!slice_equal(figures->tenant, SLICE("acme")))
        return;
    sum->tenant = SLICE("acme");
    sum->connections += figures->connections;
    sum->draining += figures->draining;
    sum->requests += figures->requests;
}

static void check_figures(uint32_t connections, uint32_t draining, uint64_t requests)
{
    struct frontend_figures sum = {0};

    frontend_figures(gate.frontend, take, &sum);
    cr_assert_eq(sum.connections, connections);
    cr_assert_eq(sum.draining, draining);
    cr_assert_eq(sum.requests, requests);
}

Test(figures, connections_and_requests_are_counted)
{
    gate_start(&gate, "return 200 'one';");
    check_figures(0, 0, 0);
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    check_figures(1, 0, 1);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    client_ask(&gate, GET, "one");
    gate_until(&gate, frontend_connections(gate.frontend) == 1);
    check_figures(1, 0, 3);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    check_figures(0, 0, 3);
    gate_close(&gate);
}

Test(figures, those_that_end_are_told_apart)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    check_figures(1, 0, 1);
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    check_figures(1, 1, 1);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    client_expect(&gate, fd, "end");
    close(back);
    close(fd);
    gate_close(&gate);
}
