/* SPDX-License-Identifier: MIT */
/* Forms of `listen`, addresses that servers share, and what cannot stand together. */
#include "config/config_support.h"

#include <arpa/inet.h>

#define SSL "ssl_certificate c; ssl_certificate_key k; return 204;"

Test(listen, forms)
{
    static const struct {
        const char *written;
        const char *text;
    } good[] = {{"443", "0.0.0.0:443"},
                {"*:443", "0.0.0.0:443"},
                {"10.0.0.1:443", "10.0.0.1:443"},
                {"10.0.0.1", "10.0.0.1:80"},
                {"[::]:443", "[::]:443"},
                {"[::1]", "[::1]:80"},
                {"[0:0::1]:8443", "[::1]:8443"},
                {"*", "0.0.0.0:80"},
                {"[fe80::1%eth0]:443", "[fe80::1%eth0]:443"},
                {"[FE80:0::1%eth0.100]", "[fe80::1%eth0.100]:80"},
                {"[febf::1%2]:1", "[febf::1%2]:1"},
                {"'[fe80::1%a-b_c@d]:1'", "[fe80::1%a-b_c@d]:1"}};

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[128];

        snprintf(text, sizeof(text), "netns a; server { listen %s; return 204; }", good[i].written);
        build_good(&built, text);
        cr_assert_eq(built.tenant.listen_count, 1);
        cr_expect(text_is(built.tenant.listens[0].text, good[i].text), "%s", good[i].written);
        cr_expect_eq(built.tenant.listens[0].backlog, 511);
        cr_expect(built.tenant.listens[0].ipv6only);
        free_tenant(&built);
    }
}

Test(listen, a_zone_is_part_of_the_address)
{
    struct built built;

    build_good(&built, "netns a; server { listen [fe80::1%eth0]:80; listen [fe80::1%eth1]:80; "
                       "listen [::1]:80; return 204; }");
    cr_assert_eq(built.tenant.listen_count, 3);
    cr_expect_str_eq(address_zone(&built.tenant.listens[0].address), "eth0");
    cr_expect_str_eq(address_zone(&built.tenant.listens[1].address), "eth1");
    cr_expect_str_eq(address_zone(&built.tenant.listens[2].address), "");
    cr_expect_eq(built.tenant.listens[0].address.v6.sin6_scope_id, 0, "a number of nowhere so far");
    free_tenant(&built);
}

Test(listen, options)
{
    struct built built;

    build_good(&built, "netns a; server { listen [::1]:443 ssl backlog=7 ipv6only=off; " SSL " }");
    cr_expect(built.tenant.listens[0].ssl);
    cr_expect_eq(built.tenant.listens[0].backlog, 7);
    cr_expect_not(built.tenant.listens[0].ipv6only);
    cr_expect_eq(built.tenant.listens[0].address.len, sizeof(struct sockaddr_in6));
    cr_expect_eq(ntohs(built.tenant.listens[0].address.v6.sin6_port), 443);
    free_tenant(&built);
}

Test(listen, default_servers)
{
    struct built built;

    build_good(&built, "netns a; server { listen 1.1.1.1:80; listen 1.1.1.2:80; return 204; }\n"
                       "server { listen 1.1.1.2:80 default_server; return 204; server_name b; }\n"
                       "server { listen 1.1.1.2:80; return 204; server_name c; }");

    const struct config_listen *listens = built.tenant.listens;

    cr_assert_eq(built.tenant.listen_count, 2);
    cr_expect_eq(listens[0].default_server, 0);
    cr_expect_eq(listens[0].server_count, 1);
    cr_expect_eq(listens[1].default_server, 1);
    cr_assert_eq(listens[1].server_count, 3);
    cr_expect_eq(listens[1].servers[2], 2);
    cr_expect_eq(listens[1].place.line, 1);
    cr_expect_str_eq(listens[1].place.file, "t.conf");
    free_tenant(&built);
}

Test(listen, a_server_without_one_has_nginxs_default)
{
    struct built built;

    build_good(&built, "netns a; server { return 204; }");
    cr_assert_eq(built.tenant.listen_count, 1);
    cr_expect(text_is(built.tenant.listens[0].text, "0.0.0.0:80"));
    free_tenant(&built);
}

#define ONE(text) "netns a; server { return 204;\n" text "\n}"

Test(listen, mistakes)
{
    static const struct said wrong[] = {
        {ONE("listen 0;"), 2, 8, "\"0\" is no address to listen on"},
        {ONE("listen 65536;"), 2, 8, "no address to listen on"},
        {ONE("listen 1.2.3.4:;"), 2, 8, "no address to listen on"},
        {ONE("listen 1.2.3.4:x;"), 2, 8, "no address to listen on"},
        {ONE("listen 1.2.3:80;"), 2, 8, "no address to listen on"},
        {ONE("listen localhost:80;"), 2, 8, "no address to listen on"},
        {ONE("listen ::1:80;"), 2, 8, "no address to listen on"},
        {ONE("listen [::1:80;"), 2, 8, "no address to listen on"},
        {ONE("listen [::1]80;"), 2, 8, "no address to listen on"},
        {ONE("listen [fe80::1]:80;"), 2, 8, "a link-local address needs its interface"},
        {ONE("listen [fe80::1];"), 2, 8, "a link-local address needs its interface"},
        {ONE("listen [2001:db8::1%eth0]:80;"), 2, 8, "only a link-local address"},
        {ONE("listen [::%eth0]:80;"), 2, 8, "only a link-local address"},
        {ONE("listen [fec0::1%eth0]:80;"), 2, 8, "only a link-local address"},
        {ONE("listen [fe80::1%]:80;"), 2, 8, "no address to listen on"},
        {ONE("listen [fe80::1%an/eth0]:80;"), 2, 8, "no address to listen on"},
        {ONE("listen [fe80::1%eth0:1]:80;"), 2, 8, "no address to listen on"},
        {ONE("listen '[fe80::1%a b]:80';"), 2, 8, "no address to listen on"},
        {ONE("listen [fe80::1%0123456789abcdef]:80;"), 2, 8, "no address to listen on"},
        {ONE("listen 10.0.0.1%eth0:80;"), 2, 8, "no address to listen on"},
        {ONE("listen [fe80::1%eth0]:80; listen [fe80::1%eth0]:80;"), 2, 34,
         "listens on [fe80::1%eth0]:80 already"},
        {ONE("listen [::]:80; listen [fe80::1%eth0]:80;"), 2, 24, "cannot be bound beside [::]:80"},
        {ONE("listen '';"), 2, 8, "no address to listen on"},
        {ONE("listen unix:/x;"), 2, 8, "Unix socket is not supported yet"},
        {ONE("listen 80 quic;"), 2, 11, "\"quic\" of \"listen\" is not supported yet"},
        {ONE("listen 80 proxy_protocol;"), 2, 11, "is not supported yet"},
        {ONE("listen 80 sll;"), 2, 11, "\"sll\" is not allowed: \"listen\" takes ssl, "},
        {ONE("listen 80 backlog=0;"), 2, 11, "backlog is at least 1"},
        {ONE("listen 80 ipv6only=on;"), 2, 11, "IPv6 address only"},
        {ONE("listen 80; listen *:80;"), 2, 19, "listens on 0.0.0.0:80 already"},
        {ONE("listen 443 ssl;"), 2, 8,
         "0.0.0.0:443 has \"ssl\", but its default server has no \"ssl_certificate\""},
        {ONE("listen 80; listen 1.1.1.1:80;"), 2, 19,
         "1.1.1.1:80 cannot be bound beside 0.0.0.0:80"},
        {ONE("listen 80; listen [::]:80 ipv6only=off;"), 2, 8, "with \"ipv6only=off\""},
        {ONE("listen 80 default_server;} server { server_name x; return 204; listen 80 "
             "default_server;"),
         2, 71, "has a default server already: it was named at t.conf:2:8"},
        {ONE("listen 80 backlog=5;} server { server_name x; return 204; listen 80 backlog=5;"), 2,
         66, "options of 0.0.0.0:80 are duplicates"},
        {ONE("listen 80;} server { server_name x; listen 80 ssl; " SSL), 2, 44,
         "0.0.0.0:80 is with \"ssl\" here but without it at t.conf:2:8"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(listen, warnings)
{
    static const struct said warned[] = {
        {"netns a; server { listen 443 ssl http2;\n" SSL "}", 1, 34, "the older form"},
        {ONE("listen 80 reuseport;"), 2, 11, "\"reuseport\" has no effect"},
    };

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
}

Test(listen, at_most_200_addresses)
{
    struct built built;
    char text[8192] = "netns a; server { return 204;";
    size_t len = strlen(text);

    for (unsigned i = 0; i < 201; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\nlisten %u;", 1000 + i);
    snprintf(text + len, sizeof(text) - len, "}");
    build_tenant(&built, text);
    cr_expect_eq(built.diags.errors, 1);
    cr_expect(says(&built.diags, DIAG_ERROR, 202, 8, "at most 200 addresses"));
    free_tenant(&built);
}
