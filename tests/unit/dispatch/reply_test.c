/* SPDX-License-Identifier: MIT */
/* Replies made here: texts, redirects, errors. */
#include "fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

static void open_with(struct gate *gate, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; server_name acme.test; location / { %s } }\n", inside);
    gate_open(gate, text);
}

static bool returns(const struct gate *gate, const char *name)
{
    return http_fields_find_name(&gate->seen.response.fields, slice_of(name)) != NULL;
}

Test(reply, head_has_the_length_and_no_body)
{
    struct gate gate;
    open_with(&gate, "return 200 hello;");
    gate_send(&gate, "HEAD / HTTP/1.1\r\nHost: acme.test\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    cr_expect_eq(gate.seen.response.content_length, 5);
    cr_expect_not(gate.seen.response.has_body);
    cr_expect_eq(gate.seen.body_len, 0);
    cr_expect_eq(gate.seen.end, PIPE_ENDED);
    gate_close(&gate);
}

Test(reply, added_fields)
{
    struct gate gate;
    open_with(&gate, "add_header X-Usual 1; add_header Content-Type application/json;"
                     "add_header X-Always 2 always; return 200 \"{}\";");
    gate_get(&gate, "/", "");
    cr_expect_str_eq(gate_returned(&gate, "x-usual"), "1");
    cr_expect_str_eq(gate_returned(&gate, "content-type"), "application/json");
    gate_close(&gate);
    open_with(&gate, "add_header X-Usual 1; add_header X-Always 2 always; return 404;");
    gate_get(&gate, "/", "");
    cr_expect_not(returns(&gate, "x-usual"));
    cr_expect_str_eq(gate_returned(&gate, "x-always"), "2");
    gate_close(&gate);
}

static void expect_location(const char *answer, bool is_tls, uint16_t port, const char *target,
                            const char *location)
{
    struct gate gate;
    open_with(&gate, answer);
    gate.client.is_tls = is_tls;
    gate.client.local_port = port;
    gate_get(&gate, target, "");
    cr_expect_str_eq(gate_returned(&gate, "location"), location, "%s %s: %s", answer, target,
                     gate_returned(&gate, "location"));
    cr_expect_geq(gate.seen.status, 301);
    gate_close(&gate);
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
    struct gate gate;
    open_with(&gate, "return 301 /x;");
    gate_send(&gate, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(gate_returned(&gate, "location"), "http://10.0.0.1/x");
    gate.client.local_host = SLICE("2001:db8::1");
    gate.client.local_port = 8080;
    gate_send(&gate, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(gate_returned(&gate, "location"), "http://[2001:db8::1]:8080/x");
    gate_close(&gate);
}

Test(reply, unread_bodies_are_discarded)
{
    struct gate gate;
    open_with(&gate, "return 200 ok;");
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    cr_expect_eq(gate.seen.status, 200);
    cr_expect(gate.exchange->request_body.discards);
    cr_expect_eq(gate.exchange->request_body.bytes.len, 0);
    gate_close(&gate);
}
