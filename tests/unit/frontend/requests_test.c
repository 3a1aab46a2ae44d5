/* SPDX-License-Identifier: MIT */
/* What a request is served with: the tenant and settings of the moment in which it begins. */
#include "frontend/rig.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(requests, connections_use_a_replaced_tenant_from_their_next_request)
{
    rig_start(&rig, "return 200 'one';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    rig_set_tenant(&rig, "acme", "", "return 200 'two';");
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "two");
    close(fd);
    rig_close(&rig);
}

Test(requests, an_exchange_keeps_the_tenant_that_it_began_with)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    rig_set_tenant(&rig, "acme", "", "return 200 'two';");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    client_expect(&rig, fd, "old");
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "two");
    close(back);
    close(fd);
    rig_close(&rig);
}
