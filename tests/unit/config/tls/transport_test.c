/* SPDX-License-Identifier: MIT */
/* Transports: one upstream in several ways, and what TLS towards it asks for. */
#include "config/config_support.h"

#define APP       "netns a; upstream app { server 10.0.0.9; server h.test; }\n"
#define ONE(text) APP "server { location / { proxy_pass https://app; return 204;\n" text "\n} }"

static const struct config_upstream *upstream_of(const struct built *built, uint32_t location)
{
    const struct config_location *locations = built->tenant.servers[0].locations;

    return &built->tenant.upstreams[locations[location].proxy.upstream];
}

Test(transport, plain_ones_share_the_upstream)
{
    struct built built;

    build_good(&built, APP "server { location / { proxy_pass http://app; }"
                           "location /2 { proxy_pass http://app; proxy_ssl_verify off; "
                           "proxy_ssl_name x; } }");
    cr_expect_eq(built.tenant.upstream_count, 1);
    cr_expect_null(built.tenant.upstreams[0].transport);
    free_tenant(&built);
}

Test(transport, one_for_each_way)
{
    struct built built;

    build_good(&built, APP
               "server { location /1 { proxy_pass http://app; }"
               "location /2 { proxy_pass https://app; } location /3 { proxy_http_version 2; "
               "proxy_pass http://APP; } location /4 { proxy_pass HTTPS://app/x; } location /5 { "
               "proxy_pass https://app; proxy_ssl_name other.test; } location /6 { proxy_pass "
               "https://app; proxy_http_version 2.0; } }");

    const struct config_location *locations = built.tenant.servers[0].locations;

    cr_assert_eq(built.tenant.upstream_count, 5);
    cr_expect_eq(locations[0].proxy.upstream, 0);
    cr_expect_not(locations[0].proxy.is_tls);
    cr_expect(locations[1].proxy.is_tls);
    cr_expect_neq(locations[1].proxy.upstream, 0);
    cr_expect_eq(locations[3].proxy.upstream, locations[1].proxy.upstream, "the same way");
    cr_expect_neq(locations[4].proxy.upstream, locations[1].proxy.upstream);
    cr_expect_neq(locations[5].proxy.upstream, locations[1].proxy.upstream);
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect(text_is(upstream_of(&built, i)->name, "app"));
        cr_expect_eq(upstream_of(&built, i)->endpoint_count, 2);
        cr_expect_eq(upstream_of(&built, i)->is_variant, i > 0);
    }
    cr_expect(upstream_of(&built, 2)->transport->http2);
    cr_expect_not(upstream_of(&built, 2)->transport->is_tls);
    cr_expect(upstream_of(&built, 5)->transport->http2);
    cr_expect(upstream_of(&built, 5)->transport->is_tls);
    free_tenant(&built);
}

Test(transport, addresses_and_their_ports)
{
    struct built built;

    build_good(&built, "netns a; server { location /1 { proxy_pass https://h.test; }"
                       "location /2 { proxy_pass https://h.test:443/; } location /3 { proxy_pass "
                       "http://h.test; } location /4 { proxy_pass https://[::1]:8443; } location "
                       "/5 { proxy_pass https://unix:/run/s; } location /6 { proxy_pass "
                       "http://h.test:443; } }");

    const struct config_location *locations = built.tenant.servers[0].locations;

    cr_expect_eq(locations[0].proxy.upstream, locations[1].proxy.upstream);
    cr_expect_eq(upstream_of(&built, 0)->endpoints[0].port, 443);
    cr_expect_eq(upstream_of(&built, 2)->endpoints[0].port, 80);
    cr_expect_eq(upstream_of(&built, 5)->endpoints[0].port, 443);
    cr_expect_neq(locations[0].proxy.upstream, locations[5].proxy.upstream);
    cr_expect(text_is(upstream_of(&built, 0)->transport->name, "h.test"));
    cr_expect(text_is(upstream_of(&built, 1)->transport->name, "h.test"));
    cr_expect(text_is(upstream_of(&built, 3)->transport->name, "::1"), "no port, no brackets");
    cr_expect(text_is(upstream_of(&built, 4)->transport->name, "localhost"));
    cr_expect_eq(upstream_of(&built, 4)->endpoints[0].port, 0);
    free_tenant(&built);
}

Test(transport, the_server_name_goes_with_verification)
{
    struct built built;
    build_good(&built, APP "server { location /a { proxy_pass https://app; }"
                           "location /b { proxy_pass https://app; proxy_ssl_verify off; }"
                           "location /c { proxy_pass https://app; proxy_ssl_server_name off; }"
                           "location /d { proxy_pass https://app; proxy_ssl_verify off; "
                           "proxy_ssl_server_name on; } }");
    const bool sends[] = {true, false, false, true};
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_eq(upstream_of(&built, i)->transport->sends_name, sends[i], "location %u", i);
    free_tenant(&built);
}

Test(transport, what_a_location_asks_for)
{
    struct built built;
    const struct config_transport *transport;

    build_good(&built, "proxy_ssl_trusted_certificate ca.pem; proxy_ssl_server_name on;" APP
                       "server { location / { proxy_pass https://app; proxy_ssl_protocols TLSv1.3;"
                       "proxy_ssl_ciphers HIGH; proxy_ssl_verify_depth 3; proxy_ssl_session_reuse "
                       "off; proxy_ssl_name App.Test.:8443; } location /off { proxy_pass "
                       "https://app; proxy_ssl_verify off; proxy_ssl_server_name off; } }");
    transport = upstream_of(&built, 0)->transport;
    cr_expect(transport->verify);
    cr_expect(transport->sends_name);
    cr_expect_not(transport->reuses_sessions);
    cr_expect_eq(transport->verify_depth, 3);
    cr_expect_eq(transport->protocols, (uint32_t)TLS_VERSION_1_3);
    cr_expect(text_is(transport->ciphers.text, "HIGH"));
    cr_expect(text_is(transport->name, "App.Test"));
    cr_expect(text_is(transport->trusted, "/etc/nsgate/ca.pem"));
    cr_expect_eq(transport->trusted_place.line, 1);
    cr_expect_eq(transport->trusted_place.column, 31);
    transport = upstream_of(&built, 1)->transport;
    cr_expect_not(transport->verify);
    cr_expect_eq(transport->name.len, 0, "nobody asks");
    cr_expect_eq(transport->trusted.len, 0);
    free_tenant(&built);
}

Test(transport, versions_and_names)
{
    static const char *const good[] = {"proxy_http_version 1.1;",  "proxy_http_version 2;",
                                       "proxy_http_version 2.0;",  "proxy_ssl_name $proxy_host;",
                                       "proxy_ssl_name 10.0.0.1;", "proxy_ssl_name [::1]:443;",
                                       "proxy_ssl_name a_b.test;", "proxy_ssl_verify_depth 0;"};
    static const struct said wrong[] = {
        {ONE("proxy_http_version 1.0;"), 3, 20, "is 1.1 or 2"},
        {ONE("proxy_http_version 3;"), 3, 20, "is 1.1 or 2"},
        {ONE("proxy_ssl_name $host;"), 3, 16, "variables in \"proxy_ssl_name\""},
        {ONE("proxy_ssl_name '';"), 3, 16, "is a host's name or address"},
        {ONE("proxy_ssl_name 'a b';"), 3, 16, "is a host's name or address"},
        {ONE("proxy_ssl_name *.a.test;"), 3, 16, "is a host's name or address"},
        {ONE("proxy_ssl_trusted_certificate '';"), 3, 31, "names no file"},
        {ONE("proxy_ssl_trusted_certificate $f;"), 3, 31, "variables in"},
        {ONE("proxy_ssl_verify maybe;"), 3, 18, "is \"on\" or \"off\""},
        {ONE("proxy_ssl_verify_depth 101;"), 3, 24, "from 0 to 100"},
        {ONE("proxy_ssl_protocols TLSv1.1;"), 3, 21, "is not safe"},
        {ONE("proxy_ssl_ciphers '';"), 3, 19, "is empty"},
    };
    struct built built;
    char text[512];

    for (unsigned i = 0; i < COUNT(good); i++) {
        snprintf(text, sizeof(text), ONE("%s"), good[i]);
        build_good(&built, text);
        free_tenant(&built);
    }
    expect_errors(wrong, COUNT(wrong));
}
