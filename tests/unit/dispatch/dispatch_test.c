/* SPDX-License-Identifier: MIT */
/* The story: what is told to whom, and what is given back in the end. */
#include "fixture.h"

#include <criterion/criterion.h>

static const char proxied[] = "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                              "server { listen 10.0.0.1:80; server_name acme.test;\n"
                              "  client_max_body_size 10;\n"
                              "  location / { proxy_pass http://app; client_max_body_size 100; }\n"
                              "  location /here { return 200 \"ok\\n\"; }\n"
                              "}\n";

Test(dispatch, settings_are_those_of_the_location)
{
    struct gate gate;
    gate_open(&gate, proxied);
    struct exchange *fresh = exchange_new(&gate.pool, NULL, NULL, &gate.client);
    cr_assert_null(dispatch_settings(fresh));
    exchange_close(fresh);
    gate_get(&gate, "/", "");
    cr_assert_eq(dispatch_settings(gate.exchange)->client_max_body_size, 100);
    gate_get(&gate, "/here", "");
    cr_assert_eq(dispatch_settings(gate.exchange)->client_max_body_size, 10);
    gate_close(&gate);
}

Test(dispatch, gives_the_tenant_back)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    cr_assert_eq(gate.tenant->references, 2);
    gate_end(&gate);
    cr_assert_eq(gate.tenant->references, 1);
    cr_assert_eq(gate.unbinds, 0);
    cr_assert_eq(gate.aborts, 1, "the backend is told");
    gate_close(&gate);
}

Test(dispatch, last_reference_unbinds_the_backends)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    /* A reload takes the tenant away from everybody else. */
    tenant_unref(gate.tenant);
    gate.tenant = NULL;
    gate_end(&gate);
    cr_assert_eq(gate.unbinds, 1);
    gate_close(&gate);
}

Test(dispatch, survives_a_close_inside_the_response)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    gate.seen.closes_at_once = true;
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    cr_assert_null(gate.exchange);
    cr_assert_eq(gate.tenant->references, 1);
    gate_close(&gate);
}

Test(dispatch, switches_protocols)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    cr_assert_str_eq(text_of(gate.exchange->forward.upgrade), "websocket");
    gate_answer(&gate, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
    cr_assert_eq(gate.seen.status, 101);
    cr_assert(gate.exchange->is_tunnel);
    cr_assert(gate.exchange->response_started);
    cr_assert_str_eq(gate_returned(&gate, "upgrade"), "websocket");
    cr_assert_str_eq(gate_returned(&gate, "sec-websocket-accept"), "x");
    cr_assert_str_eq(gate_returned(&gate, "connection"), "");
    gate_close(&gate);
}

Test(dispatch, cut_response_is_visible)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    gate_body(&gate, "hel", PIPE_OPEN);
    gate_fail(&gate, ERROR_BACKEND_TRUNCATED, false);
    cr_assert_eq(gate.seen.status, 200);
    cr_assert_eq(gate.seen.responses, 1);
    cr_assert_eq(gate.seen.end, PIPE_BROKEN);
    cr_assert_eq(gate.starts, 1, "no other server is asked");
    gate_close(&gate);
}

Test(dispatch, refuses_before_the_start)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/here", "");
    const struct exchange_front *ops = gate.exchange->front_ops;
    gate_end(&gate);
    memset(&gate.seen, 0, sizeof gate.seen);
    gate.exchange = exchange_new(&gate.pool, ops, &gate, &gate.client);
    dispatch_refuse(gate.exchange, ERROR_HEADER_TIMEOUT);
    cr_assert_eq(gate.seen.status, 408);
    cr_assert_str_eq(gate_body_text(&gate), "408 Request Timeout\n");
    cr_assert_str_eq(gate_returned(&gate, "server"), "nsgate");
    cr_assert_eq(gate.seen.end, PIPE_ENDED);
    gate_close(&gate);
}

Test(dispatch, refuses_while_a_backend_works)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    dispatch_refuse(gate.exchange, ERROR_BODY_TOO_LARGE);
    cr_assert_eq(gate.aborts, 1);
    cr_assert_eq(gate.seen.status, 413);
    cr_assert_eq(gate.exchange->error, ERROR_BODY_TOO_LARGE);
    cr_assert(gate.exchange->request_body.discards);
    gate_close(&gate);
}

Test(dispatch, refusal_breaks_a_response_that_runs)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    dispatch_refuse(gate.exchange, ERROR_CHUNK);
    cr_assert_eq(gate.aborts, 1);
    cr_assert_eq(gate.seen.responses, 1);
    cr_assert_eq(gate.seen.status, 200);
    cr_assert_eq(gate.seen.end, PIPE_BROKEN);
    gate_close(&gate);
}

/* More than the one block that a recycled exchange keeps would be a malloc for each request. */
Test(dispatch, ordinary_exchange_fits_one_block)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    size_t block = arena_footprint(&gate.exchange->arena);
    gate_get(&gate, "/index.html?a=b",
             "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
             "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
             "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
             "Connection: keep-alive\r\nReferer: https://acme.test/start\r\n"
             "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
             "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n"
             "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=1\r\n");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nServer: app\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                       "Content-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\n"
                       "Cache-Control: no-store\r\nVary: Accept-Encoding\r\nETag: \"x\"\r\n"
                       "Set-Cookie: session=1; Secure; HttpOnly\r\nX-Frame-Options: DENY\r\n"
                       "Content-Security-Policy: default-src 'self'\r\n\r\n");
    cr_assert_eq(gate.seen.status, 200);
    cr_assert_eq(arena_footprint(&gate.exchange->arena), block);
    gate_close(&gate);
}
