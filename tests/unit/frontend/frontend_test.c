/* SPDX-License-Identifier: MIT */
/* The registry: tenants come, change and go under open connections. */
#include "frontend/gate.h"

#include <math.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(frontend, serves_a_tenant)
{
    gate_start(&gate, "return 200 'one';");
    client_ask(&gate, GET, "\r\n\r\none");
    cr_assert(strstr(gate.text, "HTTP/1.1 200 OK\r\n"));
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(frontend, a_removed_tenant_closes_idle_connections_at_once)
{
    gate_start(&gate, "return 200 'one';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    cr_assert_null(frontend_find_tenant(gate.frontend, SLICE("acme")));
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    client_rest(&gate, fd);
    close(fd);
    gate_close(&gate);
}

Test(frontend, a_listener_of_no_tenant_is_closed)
{
    gate_open(&gate);
    gate_listen(&gate, "nobody");
    shutdown(gate.listener, SHUT_RD);
    frontend_remove_tenant(gate.frontend, SLICE("nobody"));
    struct frontend_listener_id nowhere = *GATE_LISTENER;
    nowhere.tenant = SLICE("nobody");
    frontend_remove_listener(gate.frontend, &nowhere, INFINITY);
    gate_close(&gate);
}

Test(frontend, a_drain_closes_idle_and_finishes_the_rest)
{
    gate_start_proxy(&gate, "");
    int busy = client_open(&gate);
    client_send(&gate, busy, GET);
    int back = server_accept(&gate);
    int fresh = client_open(&gate);
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    frontend_drain(gate.frontend, 30);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_rest(&gate, busy);
    cr_assert(strstr(gate.text, "Connection: close\r\n"));
    cr_assert(strstr(gate.text, "old"));
    cr_assert_eq(gate.drained, 0);
    client_send(&gate, fresh, GET);
    gate_run(&gate, 0.05); /* it goes over the connection that was kept */
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    client_rest(&gate, fresh);
    cr_assert(strstr(gate.text, "new"));
    close(busy);
    close(fresh);
    gate_until(&gate, gate.drained == 1);
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    close(back);
    gate_close(&gate);
}

Test(frontend, a_drain_of_nothing_is_over_at_once)
{
    gate_start(&gate, "return 200 'one';");
    frontend_drain(gate.frontend, 30);
    cr_assert_eq(gate.drained, 0);
    gate_until(&gate, gate.drained == 1);
    gate_close(&gate);
}

Test(frontend, may_be_freed_with_everything_open)
{
    gate_start(&gate, "return 200 'one';");
    int idle = client_open(&gate);
    client_send(&gate, idle, GET);
    client_expect(&gate, idle, "one");
    int half = client_open(&gate);
    client_send(&gate, half, "GET / HT");
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    gate_run(&gate, 0.01);
    gate_close(&gate);
    close(idle);
    close(half);
}
