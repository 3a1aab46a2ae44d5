/* SPDX-License-Identifier: MIT */
/* Templates: joined, and made fit for a field. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct rig *rig, const char *answer)
{
    char text[1024];
    snprintf(text, sizeof text, "server { listen 10.0.0.1:80; location / { %s } }\n", answer);
    rig_open(rig, text);
}

Test(variables, more_parts_than_fit_the_stack)
{
    struct rig rig;
    open_with(&rig, "return 200 \"$host-$host-$host-$host-$host-$host-$host-$host-$host-$host-"
                    "$host-$host-$host-\";");
    rig_get(&rig, "/", "");
    cr_assert_eq(rig.seen.body_len, 13 * 10);
    cr_assert_eq(memcmp(rig.seen.body + 120, "acme.test-", 10), 0);
    rig_close(&rig);
}

Test(variables, empty_values_and_texts)
{
    struct rig rig;
    open_with(&rig, "add_header X-None \"$arg_none\"; add_header X-Some \"<$arg_none>\";"
                    "return 200 \"$arg_none$arg_none\";");
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect_eq(rig.seen.body_len, 0);
    cr_expect_null(http_fields_find_name(&rig.seen.response.fields, SLICE("X-None")));
    cr_expect_str_eq(rig_returned(&rig, "x-some"), "<>");
    rig_close(&rig);
}

Test(variables, no_client_adds_lines_to_a_head)
{
    struct rig rig;
    open_with(&rig, "add_header X-Path $uri; return 200 ok;");
    rig_get(&rig, "/a%0d%0aSet-Cookie:%20x=y%7f", "");
    cr_assert_str_eq(rig_returned(&rig, "x-path"), "/a  Set-Cookie: x=y");
    rig_close(&rig);
    open_with(&rig, "proxy_pass http://127.0.0.1:9000; proxy_set_header X-Path $uri;");
    rig_get(&rig, "/a%0d%0aX-Tenant:%20root", "");
    cr_assert_str_eq(rig_forwarded(&rig, "x-path"), "/a  X-Tenant: root");
    rig_close(&rig);
}
