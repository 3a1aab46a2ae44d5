/* SPDX-License-Identifier: MIT */
/* Socket addresses and their text. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

void address_set(struct address *address, const struct sockaddr *from, socklen_t len)
{
    memset(address, 0, sizeof(*address));
    if (len > sizeof(address->local))
        len = sizeof(address->local);
    if (len < sizeof(from->sa_family))
        return;
    memcpy(&address->any, from, len);
    address->len = len;
}

bool address_get(struct address *address, struct slice bytes)
{
    *address = (struct address){0};
    if (bytes.len != sizeof(address->v4) && bytes.len != sizeof(address->v6))
        return false;
    memcpy(&address->local, bytes.data, bytes.len);
    address->len = (socklen_t)bytes.len;
    return address->any.sa_family == (bytes.len == sizeof(address->v4) ? AF_INET : AF_INET6);
}

void address_set_zone(struct address *address, const char *zone)
{
    snprintf(address->zoned.zone, sizeof(address->zoned.zone), "%s", zone);
}

const char *address_zone(const struct address *address)
{
    return address->len > 0 && address->any.sa_family == AF_INET6 ? address->zoned.zone : "";
}

/* The path without the NUL that may end it; an abstract one keeps the NUL that begins it. */
static struct slice local_path(const struct address *address)
{
    const char *path = address->local.sun_path;
    size_t size = address->len > PATH_OFFSET ? address->len - PATH_OFFSET : 0;

    if (size > 0 && path[0] != '\0')
        size = strnlen(path, size);
    return (struct slice){path, size};
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (a->len == 0 || b->len == 0)
        return a->len == b->len;
    if (a->any.sa_family != b->any.sa_family)
        return false;
    switch (a->any.sa_family) {
    case AF_INET:
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    case AF_INET6:
        return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
               strcmp(address_zone(a), address_zone(b)) == 0;
    case AF_UNIX:
        return slice_equal(local_path(a), local_path(b));
    default:
        return a->len == b->len && memcmp(&a->any, &b->any, a->len) == 0;
    }
}

void address_format(const struct address *address, char text[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    struct slice path;

    switch (address->len ? address->any.sa_family : AF_UNSPEC) {
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
        snprintf(text, ADDRESS_TEXT, "%s:%u", host, ntohs(address->v4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
        snprintf(text, ADDRESS_TEXT, "[%s%s%s]:%u", host, *address_zone(address) ? "%" : "",
                 address_zone(address), ntohs(address->v6.sin6_port));
        break;
    case AF_UNIX:
        path = local_path(address);
        if (path.len > 0 && path.data[0] == '\0')
            snprintf(text, ADDRESS_TEXT, "unix:@%.*s", (int)path.len - 1, path.data + 1);
        else
            snprintf(text, ADDRESS_TEXT, "unix:%.*s", SLICE_PRINTF(path));
        break;
    default:
        snprintf(text, ADDRESS_TEXT, "-");
    }
}

void address_format_host(const struct address *address, char text[ADDRESS_TEXT])
{
    switch (address->len ? address->any.sa_family : AF_UNSPEC) {
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, text, ADDRESS_TEXT);
        break;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
            inet_ntop(AF_INET, &address->v6.sin6_addr.s6_addr[12], text, ADDRESS_TEXT);
        else
            inet_ntop(AF_INET6, &address->v6.sin6_addr, text, ADDRESS_TEXT);
        break;
    case AF_UNIX:
        snprintf(text, ADDRESS_TEXT, "unix:");
        break;
    default:
        snprintf(text, ADDRESS_TEXT, "-");
    }
}

struct slice address_prefix(const struct address *address)
{
    const unsigned char *v6 = address->v6.sin6_addr.s6_addr;

    switch (address->len ? address->any.sa_family : AF_UNSPEC) {
    case AF_INET:
        return (struct slice){(const char *)&address->v4.sin_addr, 4};
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
            return (struct slice){(const char *)v6 + 12, 4};
        return (struct slice){(const char *)v6, 8};
    default:
        return (struct slice){0};
    }
}

uint16_t address_port(const struct address *address)
{
    if (address->len == 0)
        return 0;
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return 0;
}

bool address_is_wildcard(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}
