/* SPDX-License-Identifier: MIT */
/* `proxy_pass`: upstreams by name and by address, with and without a URI. */
#include "config/config_support.h"

#define ONE(text) "netns a; upstream app { server 10.0.0.9; } server {\n" text "\n}"

Test(proxy, by_name_and_by_address)
{
    struct built built;

    build_good(&built, ONE("location /1 { proxy_pass http://app; } location /2 { proxy_pass "
                           "HTTP://APP/x/?y=1; } location /3 { proxy_pass http://h.test:81; }"
                           "location /4 { proxy_pass http://h.test:81/; } location /5 { proxy_pass "
                           "http://unix:/run/s:/u; } location /6 { proxy_pass http://[::1]; }"
                           "location /7 { proxy_pass http://[::1]:80; } location /8 { proxy_pass "
                           "http://app:81; }"));

    const struct config_tenant *tenant = &built.tenant;
    const struct config_location *locations = tenant->servers[0].locations;

    cr_assert_eq(tenant->upstream_count, 5);
    cr_expect_eq(locations[0].proxy.upstream, 0);
    cr_expect(locations[0].has_proxy);
    cr_expect_not(locations[0].proxy.has_uri);
    cr_expect(text_is(locations[0].proxy.host, "app"));
    cr_expect_eq(locations[1].proxy.upstream, 0);
    cr_expect(text_is(locations[1].proxy.uri, "/x/?y=1"));
    cr_expect_eq(locations[2].proxy.upstream, 1);
    cr_expect_eq(locations[3].proxy.upstream, 1, "shared");
    cr_expect(text_is(locations[3].proxy.uri, "/"));
    cr_expect(text_is(locations[2].proxy.host, "h.test:81"));
    cr_expect_eq(locations[4].proxy.upstream, 2);
    cr_expect(text_is(locations[4].proxy.uri, "/u"));
    cr_expect_str_eq(tenant->upstreams[2].endpoints[0].address.local.sun_path, "/run/s");
    cr_expect_eq(locations[5].proxy.upstream, locations[6].proxy.upstream, "port 80 either way");
    cr_expect_eq(locations[7].proxy.upstream, 4, "a port is no upstream block's");
    cr_expect(tenant->upstreams[1].implicit);
    cr_expect(text_is(tenant->upstreams[1].endpoints[0].host, "h.test"));
    cr_expect_eq(tenant->upstreams[1].endpoints[0].port, 81);
    cr_expect_eq(tenant->upstreams[1].keepalive, CONFIG_KEEPALIVE_FOLLOWS);
    free_tenant(&built);
}

Test(proxy, an_upstream_may_stand_behind_its_use)
{
    struct built built;

    build_good(&built, "netns a; server { location / { proxy_pass http://late; } } upstream late { "
                       "server 1.2.3.4:5; }");
    cr_expect_eq(built.tenant.upstream_count, 1);
    cr_expect_not(built.tenant.upstreams[0].implicit);
    free_tenant(&built);
}

Test(proxy, mistakes)
{
    static const struct said wrong[] = {
        {ONE("location / { proxy_pass app; }"), 2, 25, "\"app\" is no URL for \"proxy_pass\""},
        {ONE("location / { proxy_pass http://; }"), 2, 25, "the address is empty"},
        {ONE("location / { proxy_pass ftp://app; }"), 2, 25, "or \"https://\""},
        {ONE("location / { proxy_pass https://; }"), 2, 25, "the address is empty"},
        {ONE("location / { proxy_pass http://$host; }"), 2, 25, "variables in \"proxy_pass\""},
        {ONE("location / { proxy_pass http://a:0; }"), 2, 25, "\"a:0\" is no server: it must be"},
        {ONE("location / { proxy_pass http://a:99999; }"), 2, 25, "is no server"},
        {ONE("location / { proxy_pass http://10.0.0.256; }"), 2, 25,
         "neither an address nor a name"},
        {ONE("location / { proxy_pass http://a?b; }"), 2, 25, "neither an address nor a name"},
        {ONE("location / { proxy_pass http://unix:; }"), 2, 25, "path is missing"},
        {ONE("location / { proxy_pass http://unix:/s:u; }"), 2, 25, "begins with \"/\""},
        {ONE("location / { proxy_pass 'http://a/b c'; }"), 2, 25, "percent-encoded"},
        {ONE("location / { proxy_pass http://a/b#c; }"), 2, 25, "percent-encoded"},
        {ONE("location ~ /a { proxy_pass http://app/; }"), 2, 28,
         "no URI in a location that is a regular"},
    };

    expect_errors(wrong, COUNT(wrong));
}
