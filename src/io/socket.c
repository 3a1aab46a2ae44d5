/* SPDX-License-Identifier: MIT */
/* Sockets before they are streams. */
#include "io/socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Bytes the kernel takes that it cannot send yet: a tenant's namespace may allow it far more
 * (tcp_wmem), and what waits there is not ours to bound any more. */
#define UNSENT_LIMIT (128 * 1024)

int address_on_socket(const struct address *address, int fd, struct address *on)
{
    const char *zone = address_zone(address);
    struct ifreq request = {0};
    uint64_t number;

    *on = *address;
    if (!*zone)
        return 0;
    memcpy(request.ifr_name, zone, sizeof(request.ifr_name));
    if (ioctl(fd, SIOCGIFINDEX, &request) == 0) {
        on->v6.sin6_scope_id = (uint32_t)request.ifr_ifindex;
        return 0;
    }
    /* As a number it is that of an interface, unless one has it for its name. */
    if (errno != ENODEV || slice_to_u64(slice_of(zone), UINT32_MAX, &number) != 0)
        return -1;
    on->v6.sin6_scope_id = (uint32_t)number;
    return 0;
}

void address_of_peer(int fd, struct address *address)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);

    if (getpeername(fd, (struct sockaddr *)&storage, &len) < 0)
        len = 0;
    address_set(address, (const struct sockaddr *)&storage, len);
}

void address_of_socket(int fd, struct address *address)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);

    if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0)
        len = 0;
    address_set(address, (const struct sockaddr *)&storage, len);
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Returns the name of the call that failed, or NULL. */
static const char *prepare_listener(int fd, const struct address *address,
                                    const struct socket_listen_options *options)
{
    int family = address->any.sa_family;
    struct address on;

    if (family != AF_UNIX) {
        if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
            return "setsockopt(SO_REUSEADDR)";
        if (set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
            return "setsockopt(TCP_NODELAY)";
        if (set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_LIMIT) < 0)
            return "setsockopt(TCP_NOTSENT_LOWAT)";
        if (set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) < 0)
            return "setsockopt(SO_KEEPALIVE)";
    }
    if (family == AF_INET && set_option(fd, IPPROTO_IP, IP_FREEBIND, 1) < 0)
        return "setsockopt(IP_FREEBIND)";
    if (family == AF_INET6) {
        if (set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6only) < 0)
            return "setsockopt(IPV6_V6ONLY)";
        if (set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) < 0)
            return "setsockopt(IPV6_FREEBIND)";
    }
    if (address_on_socket(address, fd, &on) < 0)
        return address_zone(address);
    if (bind(fd, &on.any, on.len) < 0)
        return "bind";
    if (listen(fd, options->backlog) < 0)
        return "listen";
    return NULL;
}

int socket_listen(const struct address *address, const struct socket_listen_options *options,
                  const char **call)
{
    int fd, error;

    *call = "socket";
    fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    *call = prepare_listener(fd, address, options);
    if (!*call)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

bool socket_has_zone(int fd, const struct address *address)
{
    struct address bound, now;

    if (!*address_zone(address))
        return true;
    address_of_socket(fd, &bound);
    return address_on_socket(address, fd, &now) == 0 &&
           now.v6.sin6_scope_id == bound.v6.sin6_scope_id;
}

/* bind(2) takes any IPv4 address where there has never been one: the kernel asks its table of local
 * routes, and without a table all are broadcast addresses. */
static bool has_ipv4_addresses(int fd)
{
    struct ifreq first;
    struct ifconf list = {.ifc_len = sizeof(first), .ifc_req = &first};

    return ioctl(fd, SIOCGIFCONF, &list) < 0 || list.ifc_len > 0;
}

bool socket_address_is_here(const struct address *address)
{
    bool is_ipv6 = address->any.sa_family == AF_INET6;
    int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct address on;
    bool is_missing;

    if (fd < 0)
        return true;
    if (address_on_socket(address, fd, &on) < 0)
        on = *address;
    if (is_ipv6)
        on.v6.sin6_port = 0;
    else
        on.v4.sin_port = 0;
    if (bind(fd, &on.any, on.len) < 0)
        is_missing = errno == EADDRNOTAVAIL;
    else
        is_missing = !is_ipv6 && !has_ipv4_addresses(fd);
    close(fd);
    return !is_missing;
}

int socket_accept(int listener, struct address *peer)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    int fd;

    fd = accept4(listener, (struct sockaddr *)&storage, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        address_set(peer, (const struct sockaddr *)&storage, len);
    return fd;
}

void socket_reset_on_close(int fd)
{
    const struct linger at_once = {1, 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

int socket_for(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* Neither option is needed for being right, so neither can fail a connection. */
    if (fd >= 0 && family != AF_UNIX) {
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        (void)set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_LIMIT);
        (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    return fd;
}

void socket_bound_close(int fd, double seconds)
{
    int milliseconds = seconds < 86400 ? (int)(seconds * 1000) : 86400 * 1000;

    /* Without them the kernel's own bounds remain. TCP_LINGER2 counts whole seconds, and FIN_WAIT2,
     * of which it speaks, needs the peer's host to be there. */
    (void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds > 0 ? milliseconds : 1);
    (void)set_option(fd, IPPROTO_TCP, TCP_LINGER2, 1);
}

bool socket_accept_may_go_on(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM: /* firewall rules forbid this one */
    /* Pending errors of the new connection, accept(2) "Error handling". */
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}
