/* SPDX-License-Identifier: MIT */
/* Connections for attempts: over any family of address, and none when there are no descriptors. */
#include "rig.h"

#include "io/socket.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 2);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(connect, .init = setup, .fini = teardown);

Test(connect, out_of_descriptors_is_told_at_once)
{
    struct visit visit;
    struct rlimit old, none = {0};
    getrlimit(RLIMIT_NOFILE, &old);
    none.rlim_max = old.rlim_max;
    visit_init(&visit, &rig, METHOD_GET, 0);
    setrlimit(RLIMIT_NOFILE, &none);
    int error = visit_start(&visit);
    setrlimit(RLIMIT_NOFILE, &old);
    cr_assert_eq(error, ERROR_DESCRIPTORS);
    cr_assert_null(visit.exchange->back);
    visit_close(&visit);
}

Test(connect, ipv6_serves)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0)
        cr_skip("there is no IPv6 here");
    cr_assert_eq(listen(fd, 8), 0);
    close(rig.listeners[0]);
    rig.listeners[0] = fd;
    address_of_socket(fd, &rig.endpoints[0].address);
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    close(serve_once(&rig, 0, -1));
}

Test(connect, unix_sockets_serve)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    snprintf(local.sun_path, sizeof(local.sun_path), "/tmp/nsgate-attempt-%d.sock", getpid());
    close(rig.listeners[0]);
    rig.listeners[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(rig.listeners[0], (struct sockaddr *)&local, sizeof(local)), 0);
    cr_assert_eq(listen(rig.listeners[0], 8), 0);
    address_set(&rig.endpoints[0].address, (struct sockaddr *)&local, sizeof(local));
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    close(serve_once(&rig, 0, -1));
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);

    /* A path without a server fails at connect(2) itself, which is told by the loop all the same.
     */
    unlink(local.sun_path);
    struct visit visit;
    visit_get(&visit, &rig);
    cr_assert_eq(visit.failures, 0);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_CONNECT);
    cr_assert(visit.untouched);
    visit_close(&visit);
}
