/* SPDX-License-Identifier: MIT */
/* What nginx has and nsgate has not is refused by name. */
#include "config/config_support.h"

#define HEAD "netns a; server { listen 80; return 204; "

Test(refused, what_nginx_has_is_refused_by_name)
{
    static const char *const names[] = {
        "rewrite",      "if",          "try_files",    "root",
        "gzip",         "expires",     "limit_except", "auth_basic",
        "map",          "proxy_cache", "resolver",     "proxy_ssl_crl",
        "ssl_stapling", "error_page",  "allow",        "http2_chunk_size",
        "ssl_crl",      "ssl_ocsp",    "geo",          "fastcgi_pass",
    };

    for (unsigned i = 0; i < COUNT(names); i++) {
        struct built built;
        char text[256];

        snprintf(text, sizeof(text), HEAD "}\n%s on;", names[i]);
        build_tenant(&built, text);
        cr_expect_eq(built.diags.errors, 1);
        cr_expect(says(&built.diags, DIAG_ERROR, 2, 1, "is not supported yet"), "%s", names[i]);
        free_tenant(&built);
    }
}

Test(refused, refused_with_a_hint)
{
    static const struct said wrong[] = {
        {HEAD "ssl on; }", 1, 42, "\"ssl\" is not supported: it is \"listen ADDRESS ssl;\""},
        {HEAD "location / { if ($host) { return 200; } } }", 1, 55, "\"if\" is not supported yet"},
        {HEAD "location /a { location /a/b { return 204; } } }", 1, 56,
         "a \"location\" in a location is not supported yet"},
        {"http { }", 1, 1, "\"http\" is not supported: what stands in it is the top"},
    };
    struct built built;

    expect_errors(wrong, 3);
    build_tenant(&built, wrong[3].text);
    cr_expect(is_said(&built.diags, DIAG_ERROR, &wrong[3]));
    free_tenant(&built);
}
