/* SPDX-License-Identifier: MIT */
/* Addresses and names of backend servers. */
#include "config_support.h"

#define ONE(text) "netns a; server { return 204; } upstream u {\n" text "\n}"

Test(endpoint, names_and_addresses)
{
    static const char *const good[] = {"a",       "a.b",          "a-1.b_c",
                                       "1a.test", "10.0.0.1:1",   "[::]:65535",
                                       "x.test.", "localhost:80", "unix:@x"};
    static const char *const bad[] = {"1.2.3",  "a..b",      ".a",  "a b:1",   "[1.2.3.4]",
                                      "[::1]x", "[::1",      "::1", "a:65536", "a:-1",
                                      "a:",     "300.1.1.1", "a/b"};

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
