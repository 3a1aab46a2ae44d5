/* SPDX-License-Identifier: MIT */
/* Responses on their way to the client: framing, backpressure, truncation, tunnels. */
#include "frontend/rig.h"

#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct rig rig;

Test(h1_response, a_stream_becomes_chunks_or_lasts_until_the_close)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client_expect(&rig, fd, "3\r\nabc\r\n");
    client_send(&rig, back, "0\r\nX-Sum: 9\r\n\r\n");
    client_expect(&rig, fd, "0\r\nX-Sum: 9\r\n\r\n");
    close(fd);

    fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.0\r\n\r\n");
    client_expect(&rig, back, "GET / HTTP/1.1\r\n");
    client_send(&rig, back,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "\r\n\r\nabc"));
    cr_assert_null(strstr(rig.text, "chunked"));
    cr_assert_not(rig.was_reset);
    close(back);
    close(fd);
    rig_close(&rig);
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
    rig_start_proxy(&rig, "");
    for (int i = 0; i < 3; i++) {
        int fd = client_open(&rig);
        client_send(&rig, fd, ATTACH);
        client_send(&rig, fd, bodies[i][0]);
        client_send(&rig, fd, "GET /smuggled HTTP/1.1\r\n");
        int back = server_accept(&rig);
        client_expect(&rig, back, bodies[i][1]);
        cr_assert(strstr(rig.text, "Upgrade: tcp\r\n"));
        rig_run(&rig, 0.05);
        cr_assert_lt(recv(back, rig.text, 1, MSG_DONTWAIT), 0, "the tunnel is not open yet");
        client_send(&rig, back, SWITCHES "hello");
        client_expect(&rig, fd, "hello");
        cr_assert(strstr(rig.text, "HTTP/1.1 101 UPGRADED\r\n"));
        cr_assert(strstr(rig.text, "Upgrade: tcp\r\n"));
        client_expect(&rig, back, "GET /smuggled HTTP/1.1\r\n");
        client_send(&rig, fd, "stdin");
        client_expect(&rig, back, "stdin");
        close(back);
        client_rest(&rig, fd);
        close(fd);
    }
    rig_close(&rig);
}

Test(h1_response, without_a_switch_the_next_bytes_are_a_request)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, ATTACH "Content-Length: 4\r\n\r\nbody" GET);
    int back = server_accept(&rig);
    client_expect(&rig, back, "body");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    client_expect(&rig, back, "GET / HTTP/1.1\r\n");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
    client_expect(&rig, fd, "yes");
    cr_assert(strstr(rig.text, "no"));
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_response, a_switch_before_the_bodys_end_is_refused)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, ATTACH "Content-Length: 4\r\n\r\nbo");
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\nbo");
    client_send(&rig, back, SWITCHES);
    client_rest(&rig, back);
    client_expect(&rig, fd, "502 Bad Gateway\n");
    cr_assert_null(strstr(rig.text, " 101 "));
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_response, a_truncated_body_is_seen)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    };
    rig_start_proxy(&rig, "");
    for (int i = 0; i < 2; i++) {
        int fd = client_open(&rig);
        client_send(&rig, fd, GET);
        int back = server_accept(&rig);
        client_send(&rig, back, heads[i]);
        client_expect(&rig, fd, "abc");
        close(back);
        client_rest(&rig, fd);
        cr_assert(rig.was_reset);
        cr_assert_null(strstr(rig.text, "0\r\n\r\n"));
        close(fd);
    }
    rig_close(&rig);
}

Test(h1_response, heads_alone_have_no_body)
{
    rig_start(&rig, "return 200 'body';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "HEAD / HTTP/1.1\r\n" HOST "\r\n" GET);
    client_expect(&rig, fd, "body");
    cr_assert_eq(rig_count(&rig, "Content-Length: 4\r\n"), 2);
    cr_assert_eq(rig_count(&rig, "body"), 1);
    close(fd);
    rig_close(&rig);
}

Test(h1_response, interim_responses_are_for_newer_clients)
{
    static const char hint[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    client_send(&rig, back, hint);
    client_expect(&rig, fd, "HTTP/1.1 103 ");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "ok");
    close(fd);
    fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.0\r\n\r\n");
    client_expect(&rig, back, "\r\n\r\n");
    client_send(&rig, back, hint);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_rest(&rig, fd);
    cr_assert_null(strstr(rig.text, " 103 "));
    cr_assert(strstr(rig.text, "\r\n\r\nok"));
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_response, a_slow_client_holds_the_backend_in_bounded_memory)
{
    enum { TOTAL = 24 * 1024 * 1024 };
    static char piece[64 * 1024];
    size_t sent = 0, taken = 0, stuck = 0;

    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 25165824\r\n\r\n");
    client_expect(&rig, fd, "\r\n\r\n");
    while (stuck < 100 && sent < TOTAL) {
        ssize_t now = send(back, piece, sizeof(piece), MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        stuck = now > 0 ? 0 : stuck + 1;
        rig_turn(&rig);
    }
    cr_assert_lt(sent, TOTAL);
    cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    while (taken < TOTAL) {
        size_t left = TOTAL - sent < sizeof(piece) ? TOTAL - sent : sizeof(piece);
        ssize_t now = left ? send(back, piece, left, MSG_DONTWAIT) : 0;

        sent += now > 0 ? (size_t)now : 0;
        rig_turn(&rig);
        now = recv(fd, rig.text, sizeof(rig.text), MSG_DONTWAIT);
        taken += now > 0 ? (size_t)now : 0;
    }
    cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_response, a_websocket_is_a_tunnel_with_two_ends)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "GET /ws HTTP/1.1\r\n" HOST
                "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    cr_assert(strstr(rig.text, "Upgrade: websocket\r\n"));
    client_send(&rig, back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                "Upgrade: websocket\r\n\r\nhello");
    client_expect(&rig, fd, "\r\n\r\nhello");
    cr_assert(strstr(rig.text, "HTTP/1.1 101 "));
    client_expect(&rig, back, "early");
    client_send(&rig, fd, "ping");
    client_expect(&rig, back, "ping");
    client_send(&rig, back, "pong");
    client_expect(&rig, fd, "pong");
    shutdown(fd, SHUT_WR);
    client_rest(&rig, back);
    client_send(&rig, back, "last words");
    client_expect(&rig, fd, "last words");
    close(back);
    client_rest(&rig, fd);
    cr_assert_not(rig.was_reset);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(h1_response, an_upgrade_that_is_declined_is_an_ordinary_exchange)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    int back = server_accept(&rig);
    client_expect(&rig, back, "GET /ws ");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    client_expect(&rig, fd, "no");
    client_send(&rig, fd, GET);
    client_expect(&rig, back, "GET / ");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "ok");
    close(back);
    close(fd);
    rig_close(&rig);
}
