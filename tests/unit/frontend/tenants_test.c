/* SPDX-License-Identifier: MIT */
/* The entries of tenants: what counts for one, and how long it is there. */
#include "frontend/rig.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(tenants, connections_are_counted_for_all_workers)
{
    int tally_fd;

    rig.tally = tally_new(&tally_fd);
    tally_set_workers(rig.tally, 0, 2);
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "max_connections 3;", "return 200 'ok';");
    rig_listen(&rig, "acme");
    tally_add(rig.tally, 3, 1, 2); /* another worker's two */
    int first = client_open(&rig);
    client_send(&rig, first, "GET / ");
    rig_until(&rig, tally_total(rig.tally, 3) == 3);
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    rig_run(&rig, 0.15);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    tally_add(rig.tally, 3, 1, -1);
    client_expect(&rig, second, "ok");
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    cr_assert_eq(tally_total(rig.tally, 3), 1);
    close(first);
    close(second);
    rig_close(&rig);
    tally_free(rig.tally);
}

Test(tenants, a_removed_tenant_finishes_its_exchanges_and_may_come_back)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    rig_run(&rig, 0.02);
    rig_set_tenant(&rig, "acme", "", "return 200 'new';");
    rig_listen(&rig, "acme");
    client_ask(&rig, GET, "new");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close\r\n"));
    cr_assert(strstr(rig.text, "\r\n\r\nold"));
    close(back);
    close(fd);
    rig_close(&rig);
}

/* Nobody's work: the connection's grave would wait there for everybody's, and read a listener that
 * is freed meanwhile. */
Test(tenants, a_connection_that_makes_room_is_freed_before_its_listener)
{
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "", "return 200 'ok';");
    rig_listen(&rig, "acme");
    int first = client_open(&rig);
    client_send(&rig, first, GET);
    client_expect(&rig, first, "ok");
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    client_expect(&rig, second, "ok");
    cr_assert(frontend_close_idle(rig.frontend));
    cr_assert(TAILQ_EMPTY(&rig.loop.own.graves), "all are in the tenant's share");
    cr_assert(!TAILQ_EMPTY(&rig.loop.graves_by_age));
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    close(first);
    close(second);
    rig_close(&rig);
}
