/* SPDX-License-Identifier: MIT */
/* `upstream` blocks: servers in all forms, their parameters, and bounds. */
#include "config/config_support.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define ONE(text) "netns a; server { return 204; } upstream u {\n" text "\n}"

Test(upstream, servers)
{
    struct built built;

    build_good(&built, ONE("server 127.0.0.1:9000 weight=2 max_fails=0 fail_timeout=1m;\n"
                           "server 10.1.1.1; server [::1]:81 down; server h.test:82;\n"
                           "server unix:/run/app.sock backup; server unix:rel.sock;\n"
                           "keepalive 5;"));
    cr_assert_eq(built.tenant.upstream_count, 1);

    const struct config_upstream *upstream = &built.tenant.upstreams[0];
    const struct config_endpoint *endpoints = upstream->endpoints;

    cr_assert_eq(upstream->endpoint_count, 6);
    cr_expect_eq(upstream->keepalive, 5);
    cr_expect(text_is(endpoints[0].text, "127.0.0.1:9000"));
    cr_expect_eq(endpoints[0].address.len, sizeof(struct sockaddr_in));
    cr_expect_eq(ntohs(endpoints[0].address.v4.sin_port), 9000);
    cr_expect_eq(endpoints[0].weight, 2);
    cr_expect_eq(endpoints[0].max_fails, 0);
    cr_expect_eq(endpoints[0].fail_timeout, 60);
    cr_expect_eq(endpoints[1].port, 80);
    cr_expect_eq(endpoints[1].weight, 1);
    cr_expect_eq(endpoints[1].max_fails, 1);
    cr_expect_eq(endpoints[1].fail_timeout, 10);
    cr_expect(endpoints[2].down);
    cr_expect_eq(endpoints[2].address.any.sa_family, AF_INET6);
    cr_expect_eq(endpoints[3].address.len, 0);
    cr_expect(text_is(endpoints[3].host, "h.test"));
    cr_expect_eq(endpoints[3].port, 82);
    cr_expect(endpoints[4].backup);
    cr_expect_eq(endpoints[4].address.any.sa_family, AF_UNIX);
    cr_expect_str_eq(endpoints[5].address.local.sun_path, "/etc/nsgate/rel.sock");
    cr_expect_eq(endpoints[3].place.line, 3);
    free_tenant(&built);
}

#define LONG_PATH                                                                                  \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaa"                                                                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(upstream, mistakes)
{
    static const struct said wrong[] = {
        {ONE("server 1.2.3.4:0;"), 2, 8, "is no server"},
        {ONE("server 1.2.3.4.5;"), 2, 8, "neither an address nor a name"},
        {ONE("server http://x;"), 2, 8, "is no server"},
        {ONE("server '';"), 2, 8, "the address is empty"},
        {ONE("server unix:;"), 2, 8, "path is missing"},
        {ONE("server unix:" LONG_PATH ";"), 2, 8, "longer than 107 bytes"},
        {ONE("server a weight=0;"), 2, 10, "a weight is 1 to 65535"},
        {ONE("server a max_fails=x;"), 2, 10, "max_fails is 0"},
        {ONE("server a max_conns=-1;"), 2, 10, "max_conns is 0 (no limit) to 100000"},
        {ONE("server a; queue 0;"), 2, 17, "is no number of requests"},
        {ONE("server a; queue 5 timeout=;"), 2, 19, "it is timeout=TIME"},
        {ONE("server a; queue 5 burst=1;"), 2, 19, "it is timeout=TIME"},
        {ONE("server a fail_timeout=x;"), 2, 10, "fail_timeout is a time"},
        {ONE("server a slow_start=5;"), 2, 10, "\"slow_start=5\" of a server is not supported yet"},
        {ONE("server a bakcup;"), 2, 10, "a server takes weight=N"},
        {ONE("server a; keepalive x;"), 2, 21, "from 0 to 65535"},
        {ONE("server a; least_conn;"), 2, 11, "\"least_conn\" is not supported yet"},
        {ONE("server a; ip_hash;"), 2, 11, "\"ip_hash\" is not supported yet"},
        {ONE("server a; hash $host;"), 2, 11, "\"hash\" is not supported yet"},
        {ONE(""), 1, 42, "upstream \"u\" has no server"},
        {ONE("server a backup;"), 1, 42, "upstream \"u\" has no server that is not a backup"},
        {ONE("server a; } upstream U { server b;"), 2, 22, "upstream \"U\" is a duplicate"},
        {ONE("server a; } upstream a/b { server b;"), 2, 22, "is no name of an upstream"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(upstream, at_most_256_addresses)
{
    struct built built;
    char *text = malloc(16384);
    size_t len = (size_t)sprintf(text, "netns a; upstream u {");

    cr_assert_not_null(text);
    for (unsigned i = 0; i < 256; i++)
        len += (size_t)sprintf(text + len, "\nserver 10.0.0.1:%u;", 1000 + i);
    sprintf(text + len, "}\nserver { location / { proxy_pass http://x; } location /b { proxy_pass "
                        "http://y; } }");
    build_tenant(&built, text);
    cr_expect_eq(built.diags.errors, 1);
    cr_expect(says(&built.diags, DIAG_ERROR, 258, 34, "at most 256 backend addresses"));
    free_tenant(&built);
    free(text);
}
