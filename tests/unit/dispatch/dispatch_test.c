/* SPDX-License-Identifier: MIT */
/* The story: what is told to whom, and what is given back in the end. */
#include "rig.h"

#include <criterion/criterion.h>

static const char proxied[] = "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                              "server { listen 10.0.0.1:80; server_name acme.test;\n"
                              "  client_max_body_size 10;\n"
                              "  location / { proxy_pass http://app; client_max_body_size 100; }\n"
                              "  location /here { return 200 \"ok\\n\"; }\n"
                              "}\n";

Test(dispatch, settings_are_those_of_the_location)
{
    struct rig rig;
    rig_open(&rig, proxied);
    struct exchange *fresh = exchange_new(&rig.pool, NULL, NULL, &rig.client);
    cr_assert_null(dispatch_settings(fresh));
    exchange_close(fresh);
    rig_get(&rig, "/", "");
    cr_assert_eq(dispatch_settings(rig.exchange)->client_max_body_size, 100);
    rig_get(&rig, "/here", "");
    cr_assert_eq(dispatch_settings(rig.exchange)->client_max_body_size, 10);
    rig_close(&rig);
}

Test(dispatch, gives_the_tenant_back)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    cr_assert_eq(rig.tenant->references, 2);
    rig_end(&rig);
    cr_assert_eq(rig.tenant->references, 1);
    cr_assert_eq(rig.unbinds, 0);
    cr_assert_eq(rig.aborts, 1, "the backend is told");
    rig_close(&rig);
}

Test(dispatch, last_reference_unbinds_the_backends)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    /* A reload takes the tenant away from everybody else. */
    tenant_unref(rig.tenant);
    rig.tenant = NULL;
    rig_end(&rig);
    cr_assert_eq(rig.unbinds, 1);
    rig_close(&rig);
}

Test(dispatch, survives_a_close_inside_the_response)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    rig.seen.closes_at_once = true;
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    cr_assert_null(rig.exchange);
    cr_assert_eq(rig.tenant->references, 1);
    rig_close(&rig);
}

Test(dispatch, switches_protocols)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    cr_assert_str_eq(text_of(rig.exchange->forward.upgrade), "websocket");
    rig_answer(&rig, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
    cr_assert_eq(rig.seen.status, 101);
    cr_assert(rig.exchange->is_tunnel);
    cr_assert(rig.exchange->response_started);
    cr_assert_str_eq(rig_returned(&rig, "upgrade"), "websocket");
    cr_assert_str_eq(rig_returned(&rig, "sec-websocket-accept"), "x");
    cr_assert_str_eq(rig_returned(&rig, "connection"), "");
    rig_close(&rig);
}

Test(dispatch, cut_response_is_visible)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    rig_body(&rig, "hel", PIPE_OPEN);
    rig_fail(&rig, ERROR_BACKEND_TRUNCATED, false);
    cr_assert_eq(rig.seen.status, 200);
    cr_assert_eq(rig.seen.responses, 1);
    cr_assert_eq(rig.seen.end, PIPE_BROKEN);
    cr_assert_eq(rig.starts, 1, "no other server is asked");
    rig_close(&rig);
}

Test(dispatch, refuses_before_the_start)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/here", "");
    const struct exchange_front *ops = rig.exchange->front_ops;
    rig_end(&rig);
    memset(&rig.seen, 0, sizeof rig.seen);
    rig.exchange = exchange_new(&rig.pool, ops, &rig, &rig.client);
    dispatch_refuse(rig.exchange, ERROR_HEADER_TIMEOUT);
    cr_assert_eq(rig.seen.status, 408);
    cr_assert_str_eq(rig_body_text(&rig), "408 Request Timeout\n");
    cr_assert_str_eq(rig_returned(&rig, "server"), "nsgate");
    cr_assert_eq(rig.seen.end, PIPE_ENDED);
    rig_close(&rig);
}

Test(dispatch, refuses_while_a_backend_works)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    dispatch_refuse(rig.exchange, ERROR_BODY_TOO_LARGE);
    cr_assert_eq(rig.aborts, 1);
    cr_assert_eq(rig.seen.status, 413);
    cr_assert_eq(rig.exchange->error, ERROR_BODY_TOO_LARGE);
    cr_assert(rig.exchange->request_body.discards);
    rig_close(&rig);
}

Test(dispatch, refusal_breaks_a_response_that_runs)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    dispatch_refuse(rig.exchange, ERROR_CHUNK);
    cr_assert_eq(rig.aborts, 1);
    cr_assert_eq(rig.seen.responses, 1);
    cr_assert_eq(rig.seen.status, 200);
    cr_assert_eq(rig.seen.end, PIPE_BROKEN);
    rig_close(&rig);
}

/* More than the one block that a recycled exchange keeps would be a malloc for each request. */
Test(dispatch, ordinary_exchange_fits_one_block)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    size_t block = arena_footprint(&rig.exchange->arena);
    rig_get(&rig, "/index.html?a=b",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
            "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
            "Connection: keep-alive\r\nReferer: https://acme.test/start\r\n"
            "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
            "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n"
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=1\r\n");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nServer: app\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                     "Content-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\n"
                     "Cache-Control: no-store\r\nVary: Accept-Encoding\r\nETag: \"x\"\r\n"
                     "Set-Cookie: session=1; Secure; HttpOnly\r\nX-Frame-Options: DENY\r\n"
                     "Content-Security-Policy: default-src 'self'\r\n\r\n");
    cr_assert_eq(rig.seen.status, 200);
    cr_assert_eq(arena_footprint(&rig.exchange->arena), block);
    rig_close(&rig);
}
