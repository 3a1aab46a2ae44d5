/* SPDX-License-Identifier: MIT */
/* Addresses: their text, their equality, odd lengths. */
#include "base/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static struct address v4_of(const char *host, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct address address;

    cr_assert_eq(inet_pton(AF_INET, host, &in.sin_addr), 1);
    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    return address;
}

static struct address v6_of(const char *host, uint16_t port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct address address;

    cr_assert_eq(inet_pton(AF_INET6, host, &in.sin6_addr), 1);
    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    return address;
}

static struct address zoned(const char *host, const char *zone)
{
    struct address address = v6_of(host, 443);

    address_set_zone(&address, zone);
    return address;
}

static struct address local_of(const char *path, size_t len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct address address;

    memcpy(un.sun_path, path, len);
    address_set(&address, (struct sockaddr *)&un,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    return address;
}

static void check(struct address address, const char *text, const char *host, uint16_t port)
{
    char buffer[ADDRESS_TEXT];

    address_format(&address, buffer);
    cr_assert_str_eq(buffer, text);
    address_format_host(&address, buffer);
    cr_assert_str_eq(buffer, host);
    cr_assert_eq(address_port(&address), port);
}

Test(address, text)
{
    check(v4_of("10.0.0.1", 443), "10.0.0.1:443", "10.0.0.1", 443);
    check(v6_of("::1", 443), "[::1]:443", "::1", 443);
    check(v6_of("::ffff:10.0.0.1", 8080), "[::ffff:10.0.0.1]:8080", "10.0.0.1", 8080);
    check(zoned("fe80::1", "eth0"), "[fe80::1%eth0]:443", "fe80::1", 443);
    check(local_of("/run/app.sock", 13), "unix:/run/app.sock", "unix:", 0);
    check(local_of("/run/app.sock", 14), "unix:/run/app.sock", "unix:", 0);
    check(local_of("\0name", 5), "unix:@name", "unix:", 0);
    check(local_of("", 0), "unix:", "unix:", 0);
    check((struct address){.len = 0}, "-", "-", 0);
}

Test(address, longest_path_fits)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct address address;
    char text[ADDRESS_TEXT], expected[ADDRESS_TEXT];

    memset(un.sun_path, 'x', sizeof(un.sun_path));
    address_set(&address, (struct sockaddr *)&un, sizeof(un));
    address_format(&address, text);
    snprintf(expected, sizeof(expected), "unix:%.*s", (int)sizeof(un.sun_path), un.sun_path);
    cr_assert_str_eq(text, expected);
}

Test(address, equality)
{
    struct address a = v4_of("10.0.0.1", 443), b = v4_of("10.0.0.1", 443);
    struct address none = {.len = 0}, c = local_of("/a", 2), d = local_of("/a", 3);

    cr_assert(address_equal(&a, &b));
    b = v4_of("10.0.0.1", 444);
    cr_assert_not(address_equal(&a, &b));
    b = v6_of("::ffff:10.0.0.1", 443);
    cr_assert_not(address_equal(&a, &b));
    a = b;
    a.v6.sin6_flowinfo = 1;
    cr_assert(address_equal(&a, &b), "the flow is no part of an address");
    a.v6.sin6_scope_id = 2;
    cr_assert_not(address_equal(&a, &b));
    cr_assert(address_equal(&c, &d), "with or without the final NUL");
    cr_assert_not(address_equal(&c, &none));
    cr_assert(address_equal(&none, &none));
}

Test(address, a_zone_is_part_of_it)
{
    struct address a = zoned("fe80::1", "eth0"), b = zoned("fe80::1", "eth1");
    struct address path = local_of("/a/path/that/is/longer/than/an/ipv6/address/is", 46);

    cr_assert_not(address_equal(&a, &b));
    b = zoned("fe80::1", "eth0");
    cr_assert(address_equal(&a, &b));
    cr_assert_str_eq(address_zone(&a), "eth0");
    cr_assert_str_eq(address_zone(&path), "", "its bytes are a path's");
}

Test(address, a_wildcard_is_all_of_its_family)
{
    struct address address = v4_of("0.0.0.0", 443);

    cr_assert(address_is_wildcard(&address));
    address = v6_of("::", 443);
    cr_assert(address_is_wildcard(&address));
    address = v4_of("127.0.0.1", 443);
    cr_assert_not(address_is_wildcard(&address));
    address = v6_of("::1", 0);
    cr_assert_not(address_is_wildcard(&address));
    address = local_of("/run/app.sock", 14);
    cr_assert_not(address_is_wildcard(&address));
}

static void expect_prefix(const struct address *address, const char *bytes, size_t len)
{
    cr_assert(slice_equal(address_prefix(address), (struct slice){bytes, len}));
}

Test(address, a_client_is_an_address_of_ipv4_or_a_64_of_ipv6)
{
    struct address none = {.len = 0};
    struct address address = v4_of("192.0.2.7", 443);

    expect_prefix(&address, "\xc0\x00\x02\x07", 4);
    address = v6_of("::ffff:192.0.2.7", 80);
    expect_prefix(&address, "\xc0\x00\x02\x07", 4);
    address = v6_of("2001:db8:1:2:3:4:5:6", 1);
    expect_prefix(&address, "\x20\x01\x0d\xb8\x00\x01\x00\x02", 8);
    address = v6_of("2001:db8:1:2:ffff::", 2);
    expect_prefix(&address, "\x20\x01\x0d\xb8\x00\x01\x00\x02", 8);
    address = v6_of("2001:db8:1:3::", 2);
    expect_prefix(&address, "\x20\x01\x0d\xb8\x00\x01\x00\x03", 8);
    address = local_of("/run/app.sock", 14);
    expect_prefix(&address, "", 0);
    expect_prefix(&none, "", 0);
}

Test(address, bytes_are_a_whole_address_or_none)
{
    struct address from = v6_of("2001:db8::1", 443), got;
    struct slice bytes = {(const char *)&from.v6, sizeof(from.v6)};

    cr_expect(address_get(&got, bytes));
    cr_expect(address_equal(&got, &from));
    cr_expect_not(address_get(&got, slice_head(bytes, sizeof(from.v4))), "of another family");
    cr_expect_not(address_get(&got, slice_head(bytes, 3)));
    cr_expect_not(address_get(&got, (struct slice){0}));
    from = v4_of("192.0.2.1", 80);
    cr_expect(address_get(&got, (struct slice){(const char *)&from.v4, sizeof(from.v4)}));
    cr_expect(address_equal(&got, &from));
}
