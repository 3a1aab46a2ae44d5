/* SPDX-License-Identifier: MIT */
/* The entries of tenants: what counts for one, and how long it is there. */
#include "frontend/gate.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(tenants, connections_are_counted_for_all_workers)
{
    int tally_fd;

    gate.tally = tally_new(&tally_fd);
    tally_set_workers(gate.tally, 0, 2);
    gate_open(&gate);
    gate_set_tenant(&gate, "acme", "max_connections 3;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    tally_add(gate.tally, 3, 1, 2); /* another worker's two */
    int first = client_open(&gate);
    client_send(&gate, first, "GET / ");
    gate_until(&gate, tally_total(gate.tally, 3) == 3);
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    gate_run(&gate, 0.15);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    tally_add(gate.tally, 3, 1, -1);
    client_expect(&gate, second, "ok");
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    cr_assert_eq(tally_total(gate.tally, 3), 1);
    close(first);
    close(second);
    gate_close(&gate);
    tally_free(gate.tally);
}

Test(tenants, a_removed_tenant_finishes_its_exchanges_and_may_come_back)
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
