/* SPDX-License-Identifier: MIT */
/* The lines of -s status. */
#include "control/status.h"

#include "server.h"

#include "control/protocol.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

Test(status, tells_of_the_gateway_and_its_tenants)
{
    const struct status_gateway gateway = {.uptime = 7.4,
                                           .generation = 2,
                                           .workers = 3,
                                           .draining = 1,
                                           .is_arriving = true,
                                           .connections = 9,
                                           .is_partial = true};
    const struct status_tenant tenant = {.name = "a",
                                         .netns = "acme",
                                         .inode = 40,
                                         .state = "degraded",
                                         .bound = 1,
                                         .listeners = 2,
                                         .connections = 3,
                                         .draining = 4,
                                         .requests = 5,
                                         .expires = 6,
                                         .generation = 7,
                                         .error = SLICE("no\tnews")};
    struct server server;
    char pid[32];
    int fds[2];

    server_open(&server);
    for (int i = 0; i < 2; i++)
        fds[i] = server_ask(&server, "status\n");
    while (server.runs < 2)
        server_turn(&server);
    status_tell_gateway(&server.control, &gateway);
    status_tell_tenant(&server.control, &tenant);
    status_end(&server.control, CONTROL_LACKING);
    snprintf(pid, sizeof(pid), "\tpid=%d\tuptime=7\t", (int)getpid());
    for (int i = 0; i < 2; i++) {
        server_end(&server, fds[i]);
        cr_assert(server_said(&server, "\ngateway\tversion=") && server_said(&server, pid));
        cr_assert(server_said(&server, "\tgeneration=2\tworkers=3\tdraining=1\tarriving=1\t"
                                       "connections=9\tpartial=1\n"));
        cr_assert(server_said(&server,
                              "\ntenant\tname=a\tnetns=acme\tinode=40\tstate=degraded\tbound=1\t"
                              "listeners=2\tconnections=3\tdraining=4\trequests=5\texpires=6\t"
                              "generation=7\terror=no\\x09news\nend\t2\n"));
    }
    server_close(&server);
}
