/* SPDX-License-Identifier: MIT */
/* What a request is served with: the tenant and settings of the moment in which it begins. */
#include "frontend/gate.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(requests, connections_use_a_replaced_tenant_from_their_next_request)
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

Test(requests, an_exchange_keeps_the_tenant_that_it_began_with)
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
