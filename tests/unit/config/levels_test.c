/* SPDX-License-Identifier: MIT */
/* Levels: directives in their order, blocks behind them, and each checked by the grammar. */
#include "config/config_support.h"

Test(levels, blocks_are_read_behind_simple_directives)
{
    struct built built;

    build_good(&built, "server { location / { proxy_pass http://up; } send_timeout 7s; }"
                       "upstream up { server 10.0.0.1; } netns a;");
    cr_expect_eq(built.tenant.upstream_count, 1, "the upstream that stands behind its use");
    cr_expect_eq(built.tenant.servers[0].locations[0].settings->send_timeout, 7);
    free_tenant(&built);
}

Test(levels, what_stands_elsewhere_is_told_with_where)
{
    static const struct said wrong[] = {
        {"netns a; proxy_pass http://a;", 1, 10,
         "\"proxy_pass\" is not allowed in the top of a tenant's file but in: \"location\""},
        {"netns a; server { send_timeot 1; return 204; }", 1, 19, "did you mean \"send_timeout\"?"},
    };

    expect_errors(wrong, COUNT(wrong));
}
