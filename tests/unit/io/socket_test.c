/* SPDX-License-Identifier: MIT */
/* Listening and accepting: the options, the addresses that are not there yet, the failures. */
#include "io/socket.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct address address_v4(const char *host)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct address address;

    inet_pton(AF_INET, host, &in.sin_addr);
    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    return address;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void assert_flags(int fd)
{
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(socket, a_link_local_listener_is_bound_to_its_interface)
{
    const struct socket_listen_options options = {.backlog = 16, .ipv6only = true};
    struct sockaddr_in6 in = {.sin6_family = AF_INET6};
    struct address address, own;
    const char *call;
    int fd;

    inet_pton(AF_INET6, "fe80::1", &in.sin6_addr);
    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    address_set_zone(&address, "nsg-none");
    cr_assert_eq(socket_listen(&address, &options, &call), -1);
    cr_assert_eq(errno, ENODEV);
    cr_assert_str_eq(call, "nsg-none");
    address_set_zone(&address, "lo");
    fd = socket_listen(&address, &options, &call);
    cr_assert_geq(fd, 0, "%s: %d", call, errno);
    address_of_socket(fd, &own);
    cr_assert_eq(own.v6.sin6_scope_id, if_nametoindex("lo"));
    cr_assert(socket_has_zone(fd, &address));
    address_set_zone(&address, "nsg-none");
    cr_assert_not(socket_has_zone(fd, &address));
    address = address_v4("127.0.0.1");
    cr_assert(socket_has_zone(fd, &address), "it needs none");
    close(fd);
}

Test(socket, accepted_connections_inherit_the_options)
{
    const struct socket_listen_options options = {.backlog = 16};
    struct address address = address_v4("127.0.0.1"), peer, own;
    const char *call;
    int listener = socket_listen(&address, &options, &call), client, fd;

    cr_assert_geq(listener, 0);
    assert_flags(listener);
    address_of_socket(listener, &address);
    errno = 0;
    cr_assert_eq(socket_accept(listener, &peer), -1);
    cr_assert_eq(errno, EAGAIN);

    client = socket_for(AF_INET);
    assert_flags(client);
    cr_assert_eq(option_of(client, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert(connect(client, &address.any, address.len) == 0 || errno == EINPROGRESS);
    cr_assert_eq(poll(&(struct pollfd){listener, POLLIN, 0}, 1, 5000), 1);
    fd = socket_accept(listener, &peer);
    cr_assert_geq(fd, 0);
    assert_flags(fd);
    address_of_socket(client, &own);
    cr_assert(address_equal(&peer, &own));
    cr_assert_eq(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_gt(option_of(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 0);
    close(fd);
    close(client);
    close(listener);
}

Test(socket, addresses_that_are_not_configured_can_be_bound)
{
    const struct socket_listen_options options = {.backlog = 1, .ipv6only = true};
    struct address address = address_v4("192.0.2.77");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    const char *call;
    int fd = socket_listen(&address, &options, &call);

    cr_assert_geq(fd, 0, "%s: %s", call, strerror(errno));
    close(fd);
    inet_pton(AF_INET6, "2001:db8::77", &in6.sin6_addr);
    address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    fd = socket_listen(&address, &options, &call);
    if (fd < 0 && errno == EAFNOSUPPORT)
        cr_skip_test("no IPv6 here");
    cr_assert_geq(fd, 0, "%s: %s", call, strerror(errno));
    cr_assert_eq(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    close(fd);
}

Test(socket, a_taken_port_names_the_call)
{
    const struct socket_listen_options options = {.backlog = 1};
    struct address address = address_v4("127.0.0.1");
    const char *call;
    int first = socket_listen(&address, &options, &call);

    address_of_socket(first, &address);
    cr_assert_eq(socket_listen(&address, &options, &call), -1);
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert_str_eq(call, "bind");
    close(first);
    address.any.sa_family = AF_MAX;
    cr_assert_eq(socket_listen(&address, &options, &call), -1);
    cr_assert_str_eq(call, "socket");
}

Test(socket, errors_of_one_connection_do_not_stop_accepting)
{
    cr_assert(socket_accept_may_go_on(ECONNABORTED));
    cr_assert(socket_accept_may_go_on(ENETDOWN));
    cr_assert(socket_accept_may_go_on(EINTR));
    cr_assert_not(socket_accept_may_go_on(EAGAIN));
    cr_assert_not(socket_accept_may_go_on(EMFILE));
    cr_assert_not(socket_accept_may_go_on(ENFILE));
    cr_assert_not(socket_accept_may_go_on(EINVAL));
}

/* ---- what the kernel keeps of a closed socket ---- */

static void set_loopback(bool is_up)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = (short)(is_up ? IFF_UP : 0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

/* IPv4 sockets of this namespace that are not TIME_WAIT's, which keep no namespace. */
static unsigned count_sockets(void)
{
    FILE *file = fopen("/proc/thread-self/net/tcp", "re");
    char line[256];
    unsigned count = 0;

    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file)) {
        /* "   0: 0100007F:1F90 0100007F:C350 01 ..." */
        const char *state = strchr(line, ':');

        for (int i = 0; state && i < 3; i++)
            state = strchr(state + 1, ' ');
        count += state && line[3] >= '0' && strtoul(state, NULL, 16) != TCP_TIME_WAIT;
    }
    fclose(file);
    return count;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

Test(socket, the_kernel_forgets_a_closed_one_whose_peer_is_unreachable)
{
    const struct socket_listen_options options = {.backlog = 1};
    struct address address = address_v4("127.0.0.1"), peer;
    const char *call;
    int listener, client, accepted;
    double before;

    if (unshare(CLONE_NEWNET) < 0)
        cr_skip_test("no right to make network namespaces here");
    set_loopback(true);
    listener = socket_listen(&address, &options, &call);
    address_of_socket(listener, &address);
    client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(client, &address.any, address.len), 0);
    accepted = socket_accept(listener, &peer);
    cr_assert_geq(accepted, 0);
    close(listener);
    set_loopback(false);
    cr_assert_eq(send(accepted, "last words", 10, 0), 10);
    socket_bound_close(accepted, 0.5);
    close(accepted);
    before = seconds();
    cr_assert_eq(count_sockets(), 2);
    while (count_sockets() > 1) /* the client's */
        cr_assert_lt(seconds() - before, 2.0);
    close(client);
}

Test(socket, whether_an_address_is_here)
{
    struct address address = address_v4("127.0.0.1");

    cr_assert(socket_address_is_here(&address));
    address = address_v4("0.0.0.0");
    cr_assert(socket_address_is_here(&address));
    address = address_v4("192.0.2.7");
    cr_assert_not(socket_address_is_here(&address));
}

Test(socket, a_zone_is_looked_up_where_the_socket_is)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct address address = {.v6 = {.sin6_family = AF_INET6}, .len = sizeof(struct sockaddr_in6)};
    struct address on;

    address_set_zone(&address, "lo");
    cr_assert_eq(address_on_socket(&address, fd, &on), 0);
    cr_assert_eq(on.v6.sin6_scope_id, if_nametoindex("lo"));
    address_set_zone(&address, "77");
    cr_assert_eq(address_on_socket(&address, fd, &on), 0);
    cr_assert_eq(on.v6.sin6_scope_id, 77);
    address_set_zone(&address, "nsg-none");
    cr_assert_eq(address_on_socket(&address, fd, &on), -1);
    cr_assert_eq(errno, ENODEV);
    address_set_zone(&address, "");
    cr_assert_eq(address_on_socket(&address, -1, &on), 0, "nothing to look up");
    close(fd);
}

Test(socket, tells_its_addresses)
{
    struct address address;
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    address_of_peer(pair[0], &address);
    cr_assert_eq(address.any.sa_family, AF_UNIX);
    address_of_socket(pair[0], &address);
    cr_assert_neq(address.len, 0);
    close(pair[0]);
    close(pair[1]);
    address_of_peer(-1, &address);
    cr_assert_eq(address.len, 0);
}
