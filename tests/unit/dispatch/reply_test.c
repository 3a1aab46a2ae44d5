/* SPDX-License-Identifier: MIT */
/* Replies made here: texts, redirects, errors. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; server_name acme.test; location / { %s } }\n", inside);
    rig_open(rig, text);
}

static bool returns(const struct rig *rig, const char *name)
{
    return http_fields_find_name(&rig->seen.response.fields, slice_of(name)) != NULL;
}

Test(reply, head_has_the_length_and_no_body)
{
    struct rig rig;
    open_with(&rig, "return 200 hello;");
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
    open_with(&rig, "add_header X-Usual 1; add_header Content-Type application/json;"
                    "add_header X-Always 2 always; return 200 \"{}\";");
    rig_get(&rig, "/", "");
    cr_expect_str_eq(rig_returned(&rig, "x-usual"), "1");
    cr_expect_str_eq(rig_returned(&rig, "content-type"), "application/json");
    rig_close(&rig);
    open_with(&rig, "add_header X-Usual 1; add_header X-Always 2 always; return 404;");
    rig_get(&rig, "/", "");
    cr_expect_not(returns(&rig, "x-usual"));
    cr_expect_str_eq(rig_returned(&rig, "x-always"), "2");
    rig_close(&rig);
}

static void expect_location(const char *answer, bool is_tls, uint16_t port, const char *target,
                            const char *location)
{
    struct rig rig;
    open_with(&rig, answer);
    rig.client.is_tls = is_tls;
    rig.client.local_port = port;
    rig_get(&rig, target, "");
    cr_expect_str_eq(rig_returned(&rig, "location"), location, "%s %s: %s", answer, target,
                     rig_returned(&rig, "location"));
    cr_expect_geq(rig.seen.status, 301);
    rig_close(&rig);
}

Test(reply, no_client_splits_a_redirect)
{
    expect_location("return 301 https://$host$uri;", false, 80, "/a%0d%0aSet-Cookie:%20x",
                    "https://acme.test/a%0D%0ASet-Cookie:%20x");
    expect_location("return 301 https://$host$uri;", false, 80, "/%c3%a9%22%3c",
                    "https://acme.test/%C3%A9%22%3C");
}

Test(reply, redirect_without_a_host)
{
    struct rig rig;
    open_with(&rig, "return 301 /x;");
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
    open_with(&rig, "return 200 ok;");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect(rig.exchange->request_body.discards);
    cr_expect_eq(rig.exchange->request_body.bytes.len, 0);
    rig_close(&rig);
}
