/* SPDX-License-Identifier: MIT */
/* Socket addresses: IPv4, IPv6 and Unix. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/slice.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A little over 110 bytes; embedded and copied freely. */
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        struct {
            struct sockaddr_in6 v6;
            char zone[IF_NAMESIZE]; /* "": none */
        } zoned;
    };
    socklen_t len; /* 0: none */
};

/* Longest text of one, with its NUL: "[v6]:port" or "unix:" and a path. */
#define ADDRESS_TEXT 128

void address_set(struct address *address, const struct sockaddr *from, socklen_t len);

/* From bytes, which must be a whole IPv4 or IPv6 one (without a zone). Returns whether they are. */
bool address_get(struct address *address, struct slice bytes);

/* The interface of a link-local IPv6 address (RFC 4007), by name or number. It stays a name here:
 * its number is another one in each network namespace, and each time that it is made. */
void address_set_zone(struct address *address, const char *zone);
const char *address_zone(const struct address *address); /* "": none */

bool address_equal(const struct address *a, const struct address *b);

/* "10.0.0.1:443", "[::1]:443", "[fe80::1%eth0]:443", "unix:/run/app.sock" */
void address_format(const struct address *address, char text[ADDRESS_TEXT]);

/* The host alone: "10.0.0.1", "::1", "unix:"; IPv4-mapped addresses as IPv4. */
void address_format_host(const struct address *address, char text[ADDRESS_TEXT]);

/* All addresses of its family: 0.0.0.0, [::]. */
bool address_is_wildcard(const struct address *address);

/* What limits take for one client: the bytes of an IPv4 address, those of an IPv6 address's /64, of
 * which one host may use all; of an IPv4-mapped one those of the IPv4 address. Empty without an IP
 * address. Points into the address. */
struct slice address_prefix(const struct address *address);

/* 0 for Unix sockets. */
uint16_t address_port(const struct address *address);

#endif
