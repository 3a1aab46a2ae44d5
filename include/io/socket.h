/* SPDX-License-Identifier: MIT */
/* Sockets before they are streams: their addresses, options, listening, accepting. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "base/address.h"

/* The address as bind(2) and connect(2) take it: with the number of its zone's interface in the
 * network namespace of the socket. Returns 0, or -1 with errno: ENODEV without such an interface.
 */
int address_on_socket(const struct address *address, int fd, struct address *on);

/* The peer's (getpeername(2)) or our own (getsockname(2)) address; len 0 when it is gone. */
void address_of_peer(int fd, struct address *address);
void address_of_socket(int fd, struct address *address);

/* What a listener asks of its socket. */
struct socket_listen_options {
    int backlog;   /* at least 1 */
    bool ipv6only; /* for IPv6 addresses */
};

/* socket(2), SO_REUSEADDR, IP_FREEBIND (the address need not be configured yet, but its zone's
 * interface must be there), IPV6_V6ONLY, TCP_NODELAY, TCP_NOTSENT_LOWAT and SO_KEEPALIVE (accepted
 * sockets inherit them), bind(2), listen(2); all non-blocking and close-on-exec, in the namespace
 * in which the thread is. Returns the descriptor, or -1 with errno and the name of the call that
 * failed in *call. */
int socket_listen(const struct address *address, const struct socket_listen_options *options,
                  const char **call);

/* Whether the interface of a listener's zone is still the one that its socket was bound to; true
 * without a zone. One that was removed and made again would never bring it a connection. */
bool socket_has_zone(int fd, const struct address *address);

/* Whether the address is one of the namespace in which the thread is, or its ip_nonlocal_bind says
 * that it need not be. True when that cannot be told. */
bool socket_address_is_here(const struct address *address);

/* accept4(2), non-blocking and close-on-exec; -1 with errno. */
int socket_accept(int listener, struct address *peer);

/* Bounds how long the kernel goes on with a TCP socket after close(2), delivering what is queued
 * and the FIN, to that many seconds (> 0) instead of minutes: until then it keeps the socket's
 * namespace alive (TCP_USER_TIMEOUT and TCP_LINGER2 of tcp(7)). */
void socket_bound_close(int fd, double seconds);

/* close(2) will send RST, drop what is queued, and leave nothing behind in the kernel (SO_LINGER of
 * socket(7)). */
void socket_reset_on_close(int fd);

/* A socket to connect with: non-blocking, close-on-exec, TCP_NODELAY, SO_KEEPALIVE where they
 * apply; -1 with errno. */
int socket_for(int family);

/* Whether errno from accept4(2) is about the one connection (ECONNABORTED, ENETDOWN, ... of
 * accept(2)), so that accepting may go on. */
bool socket_accept_may_go_on(int error);

#endif
