/* SPDX-License-Identifier: MIT */
/* Ends that lose no request, and limits of what is gone. */
#include "frontend/gate.h"

#include <math.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

/* ---- drains lose no request ---- */

Test(retire, a_drain_answers_who_asks_just_then_and_says_that_it_was_the_last)
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

Test(retire, a_drain_does_not_wait_long_for_who_asks_nothing)
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
Test(retire, a_drain_keeps_what_a_response_has_promised)
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
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    int fd = client_open(&gate);

    client_send(&gate, fd, upgrade);
    *back = server_accept(&gate);
    client_send(&gate, *back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    client_expect(&gate, fd, "101 ");
    return fd;
}

Test(retire, connections_of_a_closed_listener_are_cut_in_the_end)
{
    int back;

    gate_start_proxy(&gate, "");
    int tunnel = start_tunnel(&back);
    frontend_remove_listener(gate.frontend, GATE_LISTENER, 0.2);
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

/* The tenant has moved, and keeps its address; then the namespace of before goes. */
Test(retire, the_same_address_in_two_namespaces_is_two)
{
    struct frontend_listener_id moved = *GATE_LISTENER;
    int back;

    moved.netns = 4026532000;
    gate_start_proxy(&gate, "");
    int tunnel = start_tunnel(&back);
    frontend_remove_listener(gate.frontend, GATE_LISTENER, 30);
    frontend_add_listener(gate.frontend, &moved, dup(gate.listener));
    int later = client_open(&gate);
    client_send(&gate, later, "GET / HT");
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    frontend_remove_listener(gate.frontend, GATE_LISTENER, 0.1);
    client_rest(&gate, tunnel);
    cr_assert(gate.was_reset);
    gate_run(&gate, 0.2);
    cr_assert_eq(frontend_connections(gate.frontend), 1, "it came in the other namespace");
    close(later);
    later = client_open(&gate);
    gate_until(&gate, frontend_connections(gate.frontend) == 1);
    close(tunnel);
    close(later);
    close(back);
    gate_close(&gate);
}

/* Its socket was killed from inside: that is no fault of theirs. */
Test(retire, connections_of_a_listener_that_another_follows_go_on)
{
    gate_start(&gate, "return 200 'one';");
    int idle = client_open(&gate);
    client_send(&gate, idle, GET);
    client_expect(&gate, idle, "one");
    frontend_remove_listener(gate.frontend, GATE_LISTENER, INFINITY);
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

Test(retire, a_removed_tenant_is_cut_in_the_end)
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
Test(retire, a_limit_counts_during_a_drain)
{
    int back;

    gate_start_proxy(&gate, "");
    int tunnel = start_tunnel(&back);
    int idle = client_open(&gate);
    gate_until(&gate, frontend_connections(gate.frontend) == 2);
    frontend_drain(gate.frontend, 30);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    frontend_remove_listener(gate.frontend, GATE_LISTENER, 0.1);
    cr_assert_eq(frontend_connections(gate.frontend), 1, "what is idle goes at once");
    gate_until(&gate, gate.drained == 1);
    close(tunnel);
    close(idle);
    close(back);
    gate_close(&gate);
}

/* ---- handed over to another worker ---- */

Test(retire, a_tenant_that_is_handed_over_goes_with_its_last_connection)
{
    gate_start(&gate, "return 200 'one';");
    int asks = client_open(&gate);
    client_send(&gate, asks, GET);
    client_expect(&gate, asks, "one");
    frontend_set_drain_limit(gate.frontend, 0.8);
    frontend_hand_over_tenant(gate.frontend, SLICE("acme"));
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    client_send(&gate, asks, GET);
    client_rest(&gate, asks);
    cr_assert(strstr(gate.text, "Connection: close\r\n"));
    cr_assert(strstr(gate.text, "one"));
    close(asks);
    gate_until(&gate, !frontend_find_tenant(gate.frontend, SLICE("acme")));
    gate_close(&gate);
}

Test(retire, a_tenant_without_connections_is_handed_over_at_once)
{
    gate_start(&gate, "return 200 'one';");
    frontend_hand_over_tenant(gate.frontend, SLICE("acme"));
    frontend_hand_over_tenant(gate.frontend, SLICE("nobody"));
    cr_assert_null(frontend_find_tenant(gate.frontend, SLICE("acme")));
    gate_close(&gate);
}

Test(retire, a_tenant_may_come_back_while_it_is_handed_over)
{
    gate_start(&gate, "return 200 'one';");
    int idle = client_open(&gate);
    client_send(&gate, idle, GET);
    client_expect(&gate, idle, "one");
    frontend_set_drain_limit(gate.frontend, 0.4);
    frontend_hand_over_tenant(gate.frontend, SLICE("acme"));
    gate_set_tenant(&gate, "acme", "", "return 200 'two';");
    gate_listen(&gate, "acme");
    client_rest(&gate, idle);
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    client_ask(&gate, GET, "two");
    close(idle);
    gate_close(&gate);
}

Test(retire, what_is_handed_over_has_a_limit_too)
{
    int back;

    gate_start_proxy(&gate, "");
    frontend_set_drain_limit(gate.frontend, 0.3);
    int tunnel = start_tunnel(&back);
    frontend_hand_over_tenant(gate.frontend, SLICE("acme"));
    client_send(&gate, back, "on");
    client_expect(&gate, tunnel, "on");
    client_rest(&gate, tunnel);
    cr_assert(gate.was_reset);
    gate_until(&gate, !frontend_find_tenant(gate.frontend, SLICE("acme")));
    close(tunnel);
    close(back);
    gate_close(&gate);
}
