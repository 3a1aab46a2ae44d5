/* SPDX-License-Identifier: MIT */
/* Counts, forms and duplicates of directives; all mistakes are told at once. */
#include "config/config_support.h"

#define HEAD "netns a; server { listen 80; return 204; "

Test(build, counts_and_forms)
{
    static const struct said wrong[] = {
        {HEAD "}\nsend_timeout;", 2, 1, "\"send_timeout\" takes 1 argument, found 0"},
        {HEAD "}\nsend_timeout 1 2;", 2, 1, "\"send_timeout\" takes 1 argument, found 2"},
        {HEAD "server_name; }", 1, 42, "takes at least 1 argument, found 0"},
        {HEAD "add_header a; }", 1, 42, "takes 2 to 3 arguments, found 1"},
        {HEAD "send_timeout 1s\nkeepalive_timeout 2s; }", 1, 42,
         "is a \";\" missing at the end of line 1?"},
        {HEAD "send_timeout 1 { } }", 1, 42, "\"send_timeout\" takes no block"},
        {HEAD "location /; }", 1, 42, "\"location\" has no block"},
        {HEAD "location / { location /a { return 204; } } }", 1, 55,
         "a \"location\" in a location is not supported yet"},
        {HEAD "}\nserver;", 2, 1, "\"server\" has no block"},
        {HEAD "}\nupstream { server 1.2.3.4; }", 2, 1, "\"upstream\" takes 1 argument, found 0"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(build, duplicates)
{
    static const struct said wrong[] = {
        {HEAD "}\nnetns b;", 2, 1, "\"netns\" is a duplicate: it was given before, at t.conf:1:1"},
        {HEAD "send_timeout 1;\nsend_timeout 1; }", 2, 1, "given before, at t.conf:1:42"},
        {HEAD "location / { proxy_pass http://a; proxy_pass http://b; } }", 1, 76,
         "\"proxy_pass\" is a duplicate"},
        {HEAD "location / { return 200; return 200; } }", 1, 67, "\"return\" is a duplicate"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(build, all_errors_are_told_at_once)
{
    struct built built;

    build_tenant(&built, "netns a;\nfoo;\nserver {\n listen x;\n location / {\n  bar;\n  "
                         "proxy_pass ftp://x;\n }\n return 1000;\n}\n");
    cr_expect_eq(built.diags.errors, 5);
    cr_expect(says(&built.diags, DIAG_ERROR, 2, 1, "unknown directive"));
    cr_expect(says(&built.diags, DIAG_ERROR, 4, 9, "no address to listen on"));
    cr_expect(says(&built.diags, DIAG_ERROR, 6, 3, "unknown directive"));
    cr_expect(says(&built.diags, DIAG_ERROR, 7, 14, "no URL"));
    cr_expect(says(&built.diags, DIAG_ERROR, 9, 9, "neither a status"));
    free_tenant(&built);
}

Test(build, a_directive_that_swallows_the_next_is_told)
{
    struct built built;

    build_tenant(&built, "netns a; server { return 204;\nlisten 80\nserver_name b;\n}");
    cr_expect(says(&built.diags, DIAG_WARNING, 2, 1, "is a \";\" missing there?"));
    cr_expect(says(&built.diags, DIAG_ERROR, 3, 1, "\"server_name\" is not allowed: \"listen\""));
    free_tenant(&built);
}
