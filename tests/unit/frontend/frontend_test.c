/* SPDX-License-Identifier: MIT */
/* The registry: tenants come, change and go under open connections. */
#include "frontend/rig.h"

#include <math.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(frontend, serves_a_tenant)
{
    rig_start(&rig, "return 200 'one';");
    client_ask(&rig, GET, "\r\n\r\none");
    cr_assert(strstr(rig.text, "HTTP/1.1 200 OK\r\n"));
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(frontend, a_removed_tenant_closes_idle_connections_at_once)
{
    rig_start(&rig, "return 200 'one';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    cr_assert_null(frontend_find_tenant(rig.frontend, SLICE("acme")));
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    client_rest(&rig, fd);
    close(fd);
    rig_close(&rig);
}

Test(frontend, a_listener_of_no_tenant_is_closed)
{
    rig_open(&rig);
    rig_listen(&rig, "nobody");
    shutdown(rig.listener, SHUT_RD);
    frontend_remove_tenant(rig.frontend, SLICE("nobody"));
    struct frontend_listener_id nowhere = *RIG_LISTENER;
    nowhere.tenant = SLICE("nobody");
    frontend_remove_listener(rig.frontend, &nowhere, INFINITY);
    rig_close(&rig);
}

Test(frontend, a_drain_closes_idle_and_finishes_the_rest)
{
    rig_start_proxy(&rig, "");
    int busy = client_open(&rig);
    client_send(&rig, busy, GET);
    int back = server_accept(&rig);
    int fresh = client_open(&rig);
    rig_until(&rig, frontend_connections(rig.frontend) == 2);
    frontend_drain(rig.frontend, 30);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_rest(&rig, busy);
    cr_assert(strstr(rig.text, "Connection: close\r\n"));
    cr_assert(strstr(rig.text, "old"));
    cr_assert_eq(rig.drained, 0);
    client_send(&rig, fresh, GET);
    rig_run(&rig, 0.05); /* it goes over the connection that was kept */
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    client_rest(&rig, fresh);
    cr_assert(strstr(rig.text, "new"));
    close(busy);
    close(fresh);
    rig_until(&rig, rig.drained == 1);
    cr_assert_eq(frontend_connections(rig.frontend), 0);
    close(back);
    rig_close(&rig);
}

Test(frontend, a_drain_of_nothing_is_over_at_once)
{
    rig_start(&rig, "return 200 'one';");
    frontend_drain(rig.frontend, 30);
    cr_assert_eq(rig.drained, 0);
    rig_until(&rig, rig.drained == 1);
    rig_close(&rig);
}

Test(frontend, may_be_freed_with_everything_open)
{
    rig_start(&rig, "return 200 'one';");
    int idle = client_open(&rig);
    client_send(&rig, idle, GET);
    client_expect(&rig, idle, "one");
    int half = client_open(&rig);
    client_send(&rig, half, "GET / HT");
    rig_until(&rig, frontend_connections(rig.frontend) == 2);
    rig_run(&rig, 0.01);
    rig_close(&rig);
    close(idle);
    close(half);
}
