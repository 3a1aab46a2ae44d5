/* SPDX-License-Identifier: MIT */
/* Many of everything: lists grow, and duplicates among many are found. */
#include "config/config_support.h"

#include <stdlib.h>

Test(lists, many_locations_and_names)
{
    struct built built;
    char *text = malloc(256 * 1024);
    size_t len;

    cr_assert_not_null(text);
    len = (size_t)sprintf(text, "netns a; server { server_name");
    for (unsigned i = 0; i < 1000; i++)
        len += (size_t)sprintf(text + len, " n%u.test", i);
    len += (size_t)sprintf(text + len, ";");
    for (unsigned i = 0; i < 1000; i++)
        len += (size_t)sprintf(text + len, "\nlocation /%u { return 204; }", i);
    sprintf(text + len, "\nlocation /500 { return 204; } }");
    build_tenant(&built, text);
    cr_expect_eq(built.diags.errors, 1);
    cr_expect(says(&built.diags, DIAG_ERROR, 1002, 10, "given before, at t.conf:502:10"));
    cr_assert_eq(built.tenant.servers[0].location_count, 1000);
    cr_expect(text_is(built.tenant.servers[0].locations[999].pattern, "/999"));
    cr_assert_eq(built.tenant.servers[0].name_count, 1000);
    cr_expect(text_is(built.tenant.servers[0].names[0].text, "n0.test"));
    free_tenant(&built);
    free(text);
}
