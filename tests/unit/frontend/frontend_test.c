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

Test(frontend, connections_use_a_replaced_tenant_from_their_next_request)
{
    gate_start(&gate, "return 200 'one';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    gate_set_tenant(&gate, "acme", "", "return 200 'two';");
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "two");
    close(fd);
    gate_close(&gate);
}

Test(frontend, an_exchange_keeps_the_tenant_that_it_began_with)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    gate_set_tenant(&gate, "acme", "", "return 200 'two';");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_expect(&gate, fd, "old");
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "two");
    close(back);
    close(fd);
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

Test(frontend, a_removed_tenant_finishes_its_exchanges_and_may_come_back)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    gate_run(&gate, 0.02);
    gate_set_tenant(&gate, "acme", "", "return 200 'new';");
    gate_listen(&gate, "acme");
    client_ask(&gate, GET, "new");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close\r\n"));
    cr_assert(strstr(gate.text, "\r\n\r\nold"));
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(frontend, a_listener_of_no_tenant_is_closed)
{
    gate_open(&gate);
    gate_listen(&gate, "nobody");
    shutdown(gate.listener, SHUT_RD);
    frontend_remove_tenant(gate.frontend, SLICE("nobody"));
    frontend_remove_listener(gate.frontend, SLICE("nobody"), SLICE(GATE_ADDRESS), INFINITY);
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

/* ---- drains lose no request ---- */

Test(frontend, a_drain_answers_who_asks_just_then_and_says_that_it_was_the_last)
{
    gate_start(&gate, "return 200 'one';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "one");
    frontend_drain(gate.frontend, 30);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    client_send(&gate, fd, GET);
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close\r\n"));
    cr_assert(strstr(gate.text, "one"));
    close(fd);
    gate_until(&gate, gate.drained == 1);
    gate_close(&gate);
}

Test(frontend, a_drain_does_not_wait_long_for_who_asks_nothing)
{
    gate_start(&gate, "return 200 'one';");
    int idle = client_open(&gate);
    client_send(&gate, idle, GET);
    client_expect(&gate, idle, "one");
    int fresh = client_open(&gate);
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    double before = loop_now(&gate.loop);
    frontend_drain(gate.frontend, 0.6);
    gate_until(&gate, gate.drained == 1);
    cr_assert_float_eq(loop_now(&gate.loop) - before, 0.3, 0.15);
    client_rest(&gate, idle);
    cr_assert_eq(gate.len, 0);
    cr_assert_not(gate.was_reset);
    close(idle);
    close(fresh);
    gate_close(&gate);
}

/* Its response had promised another one before the drain began. */
Test(frontend, a_drain_keeps_what_a_response_has_promised)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold");
    client_expect(&gate, fd, "old");
    cr_assert_null(strstr(gate.text, "Connection: close"));
    frontend_drain(gate.frontend, 30);
    client_send(&gate, back, "end");
    client_expect(&gate, fd, "end");
    client_send(&gate, fd, GET);
    gate_run(&gate, 0.05);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close\r\n"));
    cr_assert(strstr(gate.text, "new"));
    close(fd);
    close(back);
    gate_close(&gate);
}

/* ---- what is gone has a limit ---- */

static int start_tunnel(int *back)
{
    static const char upgrade[] =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    int fd = client_open(&gate);

    client_send(&gate, fd, upgrade);
    *back = server_accept(&gate);
    client_send(&gate, *back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    client_expect(&gate, fd, "101 ");
    return fd;
}

Test(frontend, connections_of_a_closed_listener_are_cut_in_the_end)
{
    int back;

    gate_start_proxy(&gate, "");
    int tunnel = start_tunnel(&back);
    frontend_remove_listener(gate.frontend, SLICE("acme"), SLICE(GATE_ADDRESS), 0.2);
    gate_listen(&gate, "acme");
    int later = client_open(&gate);
    client_send(&gate, later, "GET / HT");
    gate_run(&gate, 0.1);
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    client_send(&gate, back, "on");
    client_expect(&gate, tunnel, "on");
    client_rest(&gate, tunnel);
    cr_assert(gate.was_reset);
    client_rest(&gate, back);
    gate_run(&gate, 0.1);
    cr_assert_eq(frontend_connections(gate.frontend), 1, "it came by the new one");
    close(tunnel);
    close(later);
    close(back);
    gate_close(&gate);
}

/* Its socket was killed from inside: that is no fault of theirs. */
Test(frontend, connections_of_a_listener_that_another_follows_go_on)
{
    gate_start(&gate, "return 200 'one';");
    int idle = client_open(&gate);
    client_send(&gate, idle, GET);
    client_expect(&gate, idle, "one");
    frontend_remove_listener(gate.frontend, SLICE("acme"), SLICE(GATE_ADDRESS), INFINITY);
    gate_run(&gate, 0.1);
    for (int i = 0; i < 2; i++) {
        client_send(&gate, idle, GET);
        client_expect(&gate, idle, "one");
        cr_assert_null(strstr(gate.text, "Connection: close"));
        gate_listen(&gate, "acme");
    }
    close(idle);
    gate_close(&gate);
}

Test(frontend, a_removed_tenant_is_cut_in_the_end)
{
    int back;

    gate_start_proxy(&gate, "");
    frontend_set_drain_limit(gate.frontend, 0.2);
    int tunnel = start_tunnel(&back);
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    gate_run(&gate, 0.05);
    client_send(&gate, back, "on");
    client_expect(&gate, tunnel, "on");
    client_rest(&gate, tunnel);
    cr_assert(gate.was_reset);
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    close(tunnel);
    close(back);
    gate_close(&gate);
}

/* The namespace goes while the worker drains. */
Test(frontend, a_limit_counts_during_a_drain)
{
    int back;

    gate_start_proxy(&gate, "");
    int tunnel = start_tunnel(&back);
    int idle = client_open(&gate);
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    frontend_drain(gate.frontend, 30);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    frontend_remove_listener(gate.frontend, SLICE("acme"), SLICE(GATE_ADDRESS), 0.1);
    cr_assert_eq(frontend_connections(gate.frontend), 1, "what is idle goes at once");
    gate_until(&gate, gate.drained == 1);
    close(tunnel);
    close(idle);
    close(back);
    gate_close(&gate);
}
