/* SPDX-License-Identifier: MIT */
/* Ports for tests that run at the same time. */
#include "port.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Below the ports that the system gives away (ip_local_port_range): whoever binds port 0, or
 * connects, takes none of these. */
#define PORT_FIRST 12000
#define PORT_COUNT 10000

/* A name of the port that one process has at a time, until it ends, in its network namespace. */
static bool claim(int port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "nsg-rig-port-%d", port);
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        return true;
    close(fd);
    return false;
}

static bool is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bound;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
    return bound == 0;
}

int rig_port(void)
{
    int start = (int)(getpid() * 16L % PORT_COUNT);

    for (int i = 0; i < PORT_COUNT; i++) {
        int port = PORT_FIRST + (start + i) % PORT_COUNT;

        if (claim(port) && is_free(port))
            return port;
    }
    cr_assert_fail("no port is free");
    return -1;
}
