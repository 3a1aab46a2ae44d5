/* SPDX-License-Identifier: MIT */
/* What is, of what a plan says. */
#include "sockets/tenant_sockets.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>

Test(tenant_sockets, begin_with_nothing_and_close_what_they_have)
{
    struct plan_listener listeners[2] = {{.text = (char *)"10.0.0.1:443"},
                                         {.text = (char *)"10.0.0.1:80"}};
    struct plan_netns place = {.kind = NETNS_NAME, .text = (char *)"x"};
    struct plan plan = {
        .listeners = listeners, .listener_count = 2, .servers = &place, .server_count = 1};
    struct tenant_sockets sockets;
    int fd;

    tenant_sockets_init(&sockets, "a", &plan);
    tenant_sockets_fill(&sockets);
    cr_assert_eq(sockets.listener_count, 2);
    cr_assert_eq(sockets.listeners[1].plan, &listeners[1]);
    cr_assert_eq(sockets.listeners[1].state, LISTENER_WAITING);
    cr_assert_eq(sockets.listeners[1].fd, -1);
    cr_assert_eq(sockets.servers[0].netns, &place);
    cr_assert_not(sockets.servers[0].is_used);
    fd = sockets.listeners[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tenant_sockets_clear(&sockets);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    cr_assert_eq(sockets.listener_count + sockets.server_count, 0);
}
