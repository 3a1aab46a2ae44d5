/* SPDX-License-Identifier: MIT */
/* Fields, arguments and cookies under names of the client's choice. */
#include "rig.h"

#include <criterion/criterion.h>

static const char echo[] =
    "server { listen 10.0.0.1:80; location / {\n"
    "  return 200 \"$arg_a|$cookie_c|$http_x_a|$http_upgrade|$http_transfer_encoding\"; } }\n";

static void expect(struct rig *rig, const char *target, const char *fields, const char *body)
{
    rig_get(rig, target, fields);
    cr_expect_str_eq(rig_body_text(rig), body, "%s %s: %s", target, fields, rig_body_text(rig));
}

Test(lookup, arguments)
{
    struct rig rig;
    rig_open(&rig, echo);
    expect(&rig, "/?a=1", "", "1||||");
    expect(&rig, "/?b=2&a=1", "", "1||||");
    expect(&rig, "/?aa=2&A=1&a=3", "", "1||||");
    expect(&rig, "/?a", "", "||||");
    expect(&rig, "/?a=", "", "||||");
    expect(&rig, "/?&&a=x=y&", "", "x=y||||");
    expect(&rig, "/?a=%20", "", "%20||||");
    expect(&rig, "/?", "", "||||");
    rig_close(&rig);
}

Test(lookup, cookies)
{
    struct rig rig;
    rig_open(&rig, echo);
    expect(&rig, "/", "Cookie: c=1\r\n", "|1|||");
    expect(&rig, "/", "Cookie: cc=2; c=1; c=3\r\n", "|1|||");
    expect(&rig, "/", "Cookie: b=2\r\nCookie: c=1\r\n", "|1|||");
    expect(&rig, "/", "Cookie: b=c=2;c=a=b\r\n", "|a=b|||");
    expect(&rig, "/", "Cookie: c\r\n", "||||");
    expect(&rig, "/", "Cookie: ;;=;c = 1 ;\r\n", "|1|||");
    rig_close(&rig);
}

Test(lookup, fields)
{
    struct rig rig;
    rig_open(&rig, echo);
    expect(&rig, "/", "X-A: 1\r\nx-a: 2\r\nX-A: 3\r\n", "||1, 2, 3||");
    expect(&rig, "/", "X-A: \r\nX-A: 2\r\n", "||, 2||");
    expect(&rig, "/", "Connection: upgrade\r\nUpgrade: websocket\r\n", "|||websocket|");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    cr_expect_str_eq(rig_body_text(&rig), "||||chunked");
    rig_close(&rig);
}
