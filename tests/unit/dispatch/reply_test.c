/* SPDX-License-Identifier: MIT */
/* Replies made here: texts, redirects, errors. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

Test(reply, head_has_the_length_and_no_body)
{
    struct rig rig;
    rig_open_location(&rig, "return 200 hello;");
    rig_send(&rig, "HEAD / HTTP/1.1\r\nHost: acme.test\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect_eq(rig.seen.response.content_length, 5);
    cr_expect_not(rig.seen.response.has_body);
    cr_expect_eq(rig.seen.body_len, 0);
    cr_expect_eq(rig.seen.end, PIPE_ENDED);
    rig_close(&rig);
}

Test(reply, added_fields)
{
    struct rig rig;
    rig_open_location(&rig, "add_header X-Usual 1; add_header Content-Type application/json;"
                            "add_header X-Always 2 always; return 200 \"{}\";");
    rig_get(&rig, "/", "");
    cr_expect_str_eq(rig_returned(&rig, "x-usual"), "1");
    cr_expect_str_eq(rig_returned(&rig, "content-type"), "application/json");
    rig_close(&rig);
    rig_open_location(&rig, "add_header X-Usual 1; add_header X-Always 2 always; return 404;");
    rig_get(&rig, "/", "");
    cr_expect_not(rig_returns(&rig, "x-usual"));
    cr_expect_str_eq(rig_returned(&rig, "x-always"), "2");
    rig_close(&rig);
}

Test(reply, no_client_splits_a_redirect)
{
    rig_expect_redirect("return 301 https://$host$uri;", false, 80, "/a%0d%0aSet-Cookie:%20x",
                        "https://acme.test/a%0D%0ASet-Cookie:%20x");
    rig_expect_redirect("return 301 https://$host$uri;", false, 80, "/%c3%a9%22%3c",
                        "https://acme.test/%C3%A9%22%3C");
}

Test(reply, redirect_without_a_host)
{
    struct rig rig;
    rig_open_location(&rig, "return 301 /x;");
    rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "location"), "http://10.0.0.1/x");
    rig.client.local_host = SLICE("2001:db8::1");
    rig.client.local_port = 8080;
    rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "location"), "http://[2001:db8::1]:8080/x");
    rig_close(&rig);
}

Test(reply, unread_bodies_are_discarded)
{
    struct rig rig;
    rig_open_location(&rig, "return 200 ok;");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect(rig.exchange->request_body.discards);
    cr_expect_eq(rig.exchange->request_body.bytes.len, 0);
    rig_close(&rig);
}
