/* SPDX-License-Identifier: MIT */
/* Accepting: limits, dead sockets, many at once. */
#include "frontend/rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(accept, the_oldest_idle_connection_makes_room)
{
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "max_connections 2;", "return 200 'ok';");
    rig_listen(&rig, "acme");
    int first = client_open(&rig);
    client_send(&rig, first, GET);
    client_expect(&rig, first, "ok");
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    client_expect(&rig, second, "ok");
    int third = client_open(&rig);
    client_send(&rig, third, GET);
    client_expect(&rig, third, "ok");
    client_rest(&rig, first);
    cr_assert_eq(rig.len, 0);
    client_send(&rig, second, GET);
    client_expect(&rig, second, "ok");
    cr_assert_eq(frontend_connections(rig.frontend), 2);
    close(first);
    close(second);
    close(third);
    rig_close(&rig);
}

Test(accept, busy_connections_hold_the_limit_until_one_is_closed)
{
    rig_open(&rig);
    rig.tally = NULL;
    rig_set_tenant(&rig, "acme", "max_connections 2;", "return 200 'ok';");
    rig_listen(&rig, "acme");
    int first = client_open(&rig);
    int second = client_open(&rig);
    client_send(&rig, first, "GET / ");
    client_send(&rig, second, "GET / ");
    int third = client_open(&rig);
    client_send(&rig, third, GET);
    rig_run(&rig, 0.25);
    cr_assert_eq(frontend_connections(rig.frontend), 2);
    close(first);
    client_expect(&rig, third, "ok");
    close(second);
    close(third);
    rig_close(&rig);
}

Test(accept, a_dead_socket_is_told_once_and_left_alone)
{
    rig_start(&rig, "return 200 'ok';");
    rig_run(&rig, 0.01);
    shutdown(rig.listener, SHUT_RDWR);
    rig_until(&rig, rig.dead == 1);
    cr_assert_eq(rig.dead_error, EINVAL);
    rig_run(&rig, 0.05);
    cr_assert_eq(rig.dead, 1);
    rig_listen(&rig, "acme");
    client_ask(&rig, GET, "ok");
    rig_close(&rig);
}

Test(accept, many_clients_at_once_are_all_served)
{
    rig_start(&rig, "return 200 'ok';");
    int fds[60];
    for (unsigned i = 0; i < 60; i++) {
        fds[i] = client_open(&rig);
        client_send(&rig, fds[i], GET);
    }
    for (unsigned i = 0; i < 60; i++) {
        client_expect(&rig, fds[i], "ok");
        close(fds[i]);
    }
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}
