/* SPDX-License-Identifier: MIT */
/* Responses on their way to the client: framing, backpressure, truncation, tunnels. */
#include "frontend/gate.h"

#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct gate gate;

Test(h1_response, a_stream_becomes_chunks_or_lasts_until_the_close)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client_expect(&gate, fd, "3\r\nabc\r\n");
    client_send(&gate, back, "0\r\nX-Sum: 9\r\n\r\n");
    client_expect(&gate, fd, "0\r\nX-Sum: 9\r\n\r\n");
    close(fd);

    fd = client_open(&gate);
    client_send(&gate, fd, "GET / HTTP/1.0\r\n\r\n");
    client_expect(&gate, back, "GET / HTTP/1.1\r\n");
    client_send(&gate, back,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "\r\n\r\nabc"));
    cr_assert_null(strstr(gate.text, "chunked"));
    cr_assert_not(gate.was_reset);
    close(back);
    close(fd);
    gate_close(&gate);
}

#define SWITCHES "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define ATTACH   "POST /attach HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n"

/* Bytes of the client behind the head and the body wait for the switch. */
Test(h1_response, a_body_goes_before_the_tunnel)
{
    static const char *const bodies[][2] = {
        {"Content-Length: 0\r\n\r\n", "\r\n\r\n"},
        {"Content-Length: 4\r\n\r\nbody", "\r\n\r\nbody"},
        {"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
         "\r\n\r\n4\r\nbody\r\n0\r\n\r\n"},
    };
    gate_start_proxy(&gate, "");
    for (int i = 0; i < 3; i++) {
        int fd = client_open(&gate);
        client_send(&gate, fd, ATTACH);
        client_send(&gate, fd, bodies[i][0]);
        client_send(&gate, fd, "GET /smuggled HTTP/1.1\r\n");
        int back = server_accept(&gate);
        client_expect(&gate, back, bodies[i][1]);
        cr_assert(strstr(gate.text, "Upgrade: tcp\r\n"));
        gate_run(&gate, 0.05);
        cr_assert_lt(recv(back, gate.text, 1, MSG_DONTWAIT), 0, "the tunnel is not open yet");
        client_send(&gate, back, SWITCHES "hello");
        client_expect(&gate, fd, "hello");
        cr_assert(strstr(gate.text, "HTTP/1.1 101 UPGRADED\r\n"));
        cr_assert(strstr(gate.text, "Upgrade: tcp\r\n"));
        client_expect(&gate, back, "GET /smuggled HTTP/1.1\r\n");
        client_send(&gate, fd, "stdin");
        client_expect(&gate, back, "stdin");
        close(back);
        client_rest(&gate, fd);
        close(fd);
    }
    gate_close(&gate);
}

Test(h1_response, without_a_switch_the_next_bytes_are_a_request)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, ATTACH "Content-Length: 4\r\n\r\nbody" GET);
    int back = server_accept(&gate);
    client_expect(&gate, back, "body");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    client_expect(&gate, back, "GET / HTTP/1.1\r\n");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
    client_expect(&gate, fd, "yes");
    cr_assert(strstr(gate.text, "no"));
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(h1_response, a_switch_before_the_bodys_end_is_refused)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, ATTACH "Content-Length: 4\r\n\r\nbo");
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\nbo");
    client_send(&gate, back, SWITCHES);
    client_rest(&gate, back);
    client_expect(&gate, fd, "502 Bad Gateway\n");
    cr_assert_null(strstr(gate.text, " 101 "));
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(h1_response, a_truncated_body_is_seen)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    };
    gate_start_proxy(&gate, "");
    for (int i = 0; i < 2; i++) {
        int fd = client_open(&gate);
        client_send(&gate, fd, GET);
        int back = server_accept(&gate);
        client_send(&gate, back, heads[i]);
        client_expect(&gate, fd, "abc");
        close(back);
        client_rest(&gate, fd);
        cr_assert(gate.was_reset);
        cr_assert_null(strstr(gate.text, "0\r\n\r\n"));
        close(fd);
    }
    gate_close(&gate);
}

Test(h1_response, heads_alone_have_no_body)
{
    gate_start(&gate, "return 200 'body';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "HEAD / HTTP/1.1\r\n" HOST "\r\n" GET);
    client_expect(&gate, fd, "body");
    cr_assert_eq(gate_count(&gate, "Content-Length: 4\r\n"), 2);
    cr_assert_eq(gate_count(&gate, "body"), 1);
    close(fd);
    gate_close(&gate);
}

Test(h1_response, interim_responses_are_for_newer_clients)
{
    static const char hint[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    client_send(&gate, back, hint);
    client_expect(&gate, fd, "HTTP/1.1 103 ");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&gate, fd, "ok");
    close(fd);
    fd = client_open(&gate);
    client_send(&gate, fd, "GET / HTTP/1.0\r\n\r\n");
    client_expect(&gate, back, "\r\n\r\n");
    client_send(&gate, back, hint);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_rest(&gate, fd);
    cr_assert_null(strstr(gate.text, " 103 "));
    cr_assert(strstr(gate.text, "\r\n\r\nok"));
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(h1_response, a_slow_client_holds_the_backend_in_bounded_memory)
{
    enum { TOTAL = 24 * 1024 * 1024 };
    static char piece[64 * 1024];
    size_t sent = 0, taken = 0, stuck = 0;

    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 25165824\r\n\r\n");
    client_expect(&gate, fd, "\r\n\r\n");
    while (stuck < 100 && sent < TOTAL) {
        ssize_t now = send(back, piece, sizeof(piece), MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        stuck = now > 0 ? 0 : stuck + 1;
        gate_turn(&gate);
    }
    cr_assert_lt(sent, TOTAL);
    cr_assert_lt(gate.loop.buffers.held, 1024 * 1024);
    while (taken < TOTAL) {
        size_t left = TOTAL - sent < sizeof(piece) ? TOTAL - sent : sizeof(piece);
        ssize_t now = left ? send(back, piece, left, MSG_DONTWAIT) : 0;

        sent += now > 0 ? (size_t)now : 0;
        gate_turn(&gate);
        now = recv(fd, gate.text, sizeof(gate.text), MSG_DONTWAIT);
        taken += now > 0 ? (size_t)now : 0;
    }
    cr_assert_lt(gate.loop.buffers.held, 1024 * 1024);
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(h1_response, a_websocket_is_a_tunnel_with_two_ends)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd,
                "GET /ws HTTP/1.1\r\n" HOST
                "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    cr_assert(strstr(gate.text, "Upgrade: websocket\r\n"));
    client_send(&gate, back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                "Upgrade: websocket\r\n\r\nhello");
    client_expect(&gate, fd, "\r\n\r\nhello");
    cr_assert(strstr(gate.text, "HTTP/1.1 101 "));
    client_expect(&gate, back, "early");
    client_send(&gate, fd, "ping");
    client_expect(&gate, back, "ping");
    client_send(&gate, back, "pong");
    client_expect(&gate, fd, "pong");
    shutdown(fd, SHUT_WR);
    client_rest(&gate, back);
    client_send(&gate, back, "last words");
    client_expect(&gate, fd, "last words");
    close(back);
    client_rest(&gate, fd);
    cr_assert_not(gate.was_reset);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(h1_response, an_upgrade_that_is_declined_is_an_ordinary_exchange)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd,
                "GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    int back = server_accept(&gate);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    client_expect(&gate, fd, "no");
    client_send(&gate, fd, GET);
    client_expect(&gate, back, "GET / ");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&gate, fd, "ok");
    close(back);
    close(fd);
    gate_close(&gate);
}
