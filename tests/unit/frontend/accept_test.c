/* SPDX-License-Identifier: MIT */
/* Accepting: limits, dead sockets, many at once. */
#include "frontend/gate.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(accept, the_oldest_idle_connection_makes_room)
{
    gate_open(&gate);
    gate_set_tenant(&gate, "acme", "max_connections 2;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    int first = client_open(&gate);
    client_send(&gate, first, GET);
    client_expect(&gate, first, "ok");
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    client_expect(&gate, second, "ok");
    int third = client_open(&gate);
    client_send(&gate, third, GET);
    client_expect(&gate, third, "ok");
    client_rest(&gate, first);
    cr_assert_eq(gate.len, 0);
    client_send(&gate, second, GET);
    client_expect(&gate, second, "ok");
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    close(first);
    close(second);
    close(third);
    gate_close(&gate);
}

Test(accept, busy_connections_hold_the_limit_until_one_is_closed)
{
    gate_open(&gate);
    gate.tally = NULL;
    gate_set_tenant(&gate, "acme", "max_connections 2;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    int first = client_open(&gate);
    int second = client_open(&gate);
    client_send(&gate, first, "GET / ");
    client_send(&gate, second, "GET / ");
    int third = client_open(&gate);
    client_send(&gate, third, GET);
    gate_run(&gate, 0.25);
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    close(first);
    client_expect(&gate, third, "ok");
    close(second);
    close(third);
    gate_close(&gate);
}

Test(accept, a_dead_socket_is_told_once_and_left_alone)
{
    gate_start(&gate, "return 200 'ok';");
    gate_run(&gate, 0.01);
    shutdown(gate.listener, SHUT_RDWR);
    gate_until(&gate, gate.dead == 1);
    cr_assert_eq(gate.dead_error, EINVAL);
    gate_run(&gate, 0.05);
    cr_assert_eq(gate.dead, 1);
    gate_listen(&gate, "acme");
    client_ask(&gate, GET, "ok");
    gate_close(&gate);
}

Test(accept, many_clients_at_once_are_all_served)
{
    gate_start(&gate, "return 200 'ok';");
    int fds[60];
    for (unsigned i = 0; i < 60; i++) {
        fds[i] = client_open(&gate);
        client_send(&gate, fds[i], GET);
    }
    for (unsigned i = 0; i < 60; i++) {
        client_expect(&gate, fds[i], "ok");
        close(fds[i]);
    }
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}
