/* SPDX-License-Identifier: MIT */
/* Mistyped names are told with the nearest known one. */
#include "config/config_support.h"

#define HEAD "netns a; server { listen 80; return 204; "

Test(names, unknown_names)
{
    static const struct said wrong[] = {
        {HEAD "lisen 81; }", 1, 42,
         "unknown directive \"lisen\" in \"server\"; did you mean \"listen\"?"},
        {HEAD "lisen 81; }", 1, 42, "allowed here: access_log, access_log_handshakes, "},
        {HEAD "}\nprox_pass x;", 2, 1, "did you mean \"proxy_pass\"?"},
        {HEAD "}\nqqqqqqq x;", 2, 1, "in the top of a tenant's file; allowed here: "},
        {HEAD "}\nnetsn x;", 2, 1, "did you mean \"netns\"?"},
        {HEAD "}\n\"\" x;", 2, 1, "unknown directive \"\""},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(names, nothing_near_is_suggested_for_what_is_far)
{
    struct built built;

    build_tenant(&built, "netns a;\nzzzzzzzzzz 1;");
    cr_expect(says(&built.diags, DIAG_ERROR, 2, 1, "unknown directive \"zzzzzzzzzz\""));
    cr_expect_not(says(&built.diags, DIAG_ERROR, 2, 1, "did you mean"));
    free_tenant(&built);
    build_tenant(&built, "netns a;\nupstraem u { }"); /* two neighbours changed places */
    cr_expect(says(&built.diags, DIAG_ERROR, 2, 1, "did you mean \"upstream\"?"));
    free_tenant(&built);
}
