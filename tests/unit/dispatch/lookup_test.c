/* SPDX-License-Identifier: MIT */
/* Fields, arguments and cookies under names of the client's choice. */
#include "fixture.h"

#include <criterion/criterion.h>

static const char echo[] =
    "server { listen 10.0.0.1:80; location / {\n"
    "  return 200 \"$arg_a|$cookie_c|$http_x_a|$http_upgrade|$http_transfer_encoding\"; } }\n";

static void expect(struct gate *gate, const char *target, const char *fields, const char *body)
{
    gate_get(gate, target, fields);
    cr_expect_str_eq(gate_body_text(gate), body, "%s %s: %s", target, fields, gate_body_text(gate));
}

Test(lookup, arguments)
{
    struct gate gate;
    gate_open(&gate, echo);
    expect(&gate, "/?a=1", "", "1||||");
    expect(&gate, "/?b=2&a=1", "", "1||||");
    expect(&gate, "/?aa=2&A=1&a=3", "", "1||||");
    expect(&gate, "/?a", "", "||||");
    expect(&gate, "/?a=", "", "||||");
    expect(&gate, "/?&&a=x=y&", "", "x=y||||");
    expect(&gate, "/?a=%20", "", "%20||||");
    expect(&gate, "/?", "", "||||");
    gate_close(&gate);
}

Test(lookup, cookies)
{
    struct gate gate;
    gate_open(&gate, echo);
    expect(&gate, "/", "Cookie: c=1\r\n", "|1|||");
    expect(&gate, "/", "Cookie: cc=2; c=1; c=3\r\n", "|1|||");
    expect(&gate, "/", "Cookie: b=2\r\nCookie: c=1\r\n", "|1|||");
    expect(&gate, "/", "Cookie: b=c=2;c=a=b\r\n", "|a=b|||");
    expect(&gate, "/", "Cookie: c\r\n", "||||");
    expect(&gate, "/", "Cookie: ;;=;c = 1 ;\r\n", "|1|||");
    gate_close(&gate);
}

Test(lookup, fields)
{
    struct gate gate;
    gate_open(&gate, echo);
    expect(&gate, "/", "X-A: 1\r\nx-a: 2\r\nX-A: 3\r\n", "||1, 2, 3||");
    expect(&gate, "/", "X-A: \r\nX-A: 2\r\n", "||, 2||");
    expect(&gate, "/", "Connection: upgrade\r\nUpgrade: websocket\r\n", "|||websocket|");
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    cr_expect_str_eq(gate_body_text(&gate), "||||chunked");
    gate_close(&gate);
}
