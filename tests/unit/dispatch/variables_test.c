/* SPDX-License-Identifier: MIT */
/* Templates: joined, and made fit for a field. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct gate *gate, const char *answer)
{
    char text[1024];
    snprintf(text, sizeof text, "server { listen 10.0.0.1:80; location / { %s } }\n", answer);
    gate_open(gate, text);
}

Test(variables, more_parts_than_fit_the_stack)
{
    struct gate gate;
    open_with(&gate, "return 200 \"$host-$host-$host-$host-$host-$host-$host-$host-$host-$host-"
                     "$host-$host-$host-\";");
    gate_get(&gate, "/", "");
    cr_assert_eq(gate.seen.body_len, 13 * 10);
    cr_assert_eq(memcmp(gate.seen.body + 120, "acme.test-", 10), 0);
    gate_close(&gate);
}

Test(variables, empty_values_and_texts)
{
    struct gate gate;
    open_with(&gate, "add_header X-None \"$arg_none\"; add_header X-Some \"<$arg_none>\";"
                     "return 200 \"$arg_none$arg_none\";");
    gate_get(&gate, "/", "");
    cr_expect_eq(gate.seen.status, 200);
    cr_expect_eq(gate.seen.body_len, 0);
    cr_expect_null(http_fields_find_name(&gate.seen.response.fields, SLICE("X-None")));
    cr_expect_str_eq(gate_returned(&gate, "x-some"), "<>");
    gate_close(&gate);
}

Test(variables, no_client_adds_lines_to_a_head)
{
    struct gate gate;
    open_with(&gate, "add_header X-Path $uri; return 200 ok;");
    gate_get(&gate, "/a%0d%0aSet-Cookie:%20x=y%7f", "");
    cr_assert_str_eq(gate_returned(&gate, "x-path"), "/a  Set-Cookie: x=y");
    gate_close(&gate);
    open_with(&gate, "proxy_pass http://127.0.0.1:9000; proxy_set_header X-Path $uri;");
    gate_get(&gate, "/a%0d%0aX-Tenant:%20root", "");
    cr_assert_str_eq(gate_forwarded(&gate, "x-path"), "/a  X-Tenant: root");
    gate_close(&gate);
}
