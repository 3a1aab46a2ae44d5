/* SPDX-License-Identifier: MIT */
/* Addresses and names of backend servers. */
#include "config/config_support.h"

#define ONE(text) "netns a; server { return 204; } upstream u {\n" text "\n}"

Test(endpoint, names_and_addresses)
{
    static const char *const good[] = {"a",
                                       "a.b",
                                       "a-1.b_c",
                                       "1a.test",
                                       "10.0.0.1:1",
                                       "[::]:65535",
                                       "x.test.",
                                       "localhost:80",
                                       "unix:@x",
                                       "[fe80::1%eth0]",
                                       "[fe80::1%eth0]:80",
                                       "[FE80::1%7]:1"};
    static const char *const bad[] = {
        "1.2.3", "a..b",         ".a",          "a b:1",      "[1.2.3.4]",   "[::1]x",
        "[::1",  "::1",          "a:65536",     "a:-1",       "a:",          "300.1.1.1",
        "a/b",   "[fe80::1]:80", "[::1%lo]:80", "[fe80::1%]", "fe80::1%eth0"};

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[160];

        snprintf(text, sizeof(text), ONE("server \"%s\";"), good[i]);
        build_good(&built, text);
        cr_expect(text_is(built.tenant.upstreams[0].endpoints[0].text, good[i]));
        free_tenant(&built);
    }
    for (unsigned i = 0; i < COUNT(bad); i++) {
        struct built built;
        char text[160];

        snprintf(text, sizeof(text), ONE("server \"%s\";"), bad[i]);
        build_tenant(&built, text);
        cr_expect(says(&built.diags, DIAG_ERROR, 2, 8, "is no server"), "%s", bad[i]);
        free_tenant(&built);
    }
}

Test(endpoint, an_interface_of_ours_means_nothing_to_the_server)
{
    static const char *const written[] = {"[fe80::1%eth0]:8443", "[fe80::1%25eth0]:8443"};

    for (unsigned i = 0; i < COUNT(written); i++) {
        struct built built;
        char text[160];
        const struct config_endpoint *endpoint;

        snprintf(text, sizeof(text), "netns a; server { location / { proxy_pass https://%s/x/; } }",
                 written[i]);
        build_good(&built, text);
        endpoint = &built.tenant.upstreams[0].endpoints[0];
        cr_expect(text_is(endpoint->text, "[fe80::1%eth0]:8443"));
        cr_expect_str_eq(address_zone(&endpoint->address), "eth0");
        cr_expect(text_is(built.tenant.servers[0].locations[0].proxy.host, "[fe80::1]:8443"));
        cr_expect(text_is(built.tenant.servers[0].locations[0].proxy.uri, "/x/"));
        cr_expect(text_is(built.tenant.upstreams[1].transport->name, "fe80::1"));
        free_tenant(&built);
    }
}

Test(endpoint, a_link_local_address_says_what_it_lacks)
{
    static const struct said wrong[] = {
        {ONE("server [fe80::1]:80;"), 2, 8, "a link-local address needs its interface"},
        {ONE("server [2001:db8::1%eth0]:80;"), 2, 8, "only a link-local address"},
    };

    expect_errors(wrong, COUNT(wrong));
}
