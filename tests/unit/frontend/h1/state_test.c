/* SPDX-License-Identifier: MIT */
/* The states of HTTP/1 connections, as the log tells them. */
#include "frontend/gate.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"

static struct gate gate;

static void expect_moves(const char *const moves[])
{
    for (size_t i = 0; moves[i]; i++) {
        char line[64];

        snprintf(line, sizeof(line), "client 1: HTTP/1: %s", moves[i]);
        cr_expect(gate_has_logged(&gate, line), "no \"%s\"", line);
    }
}

Test(h1_state, a_body_comes_before_its_response)
{
    static const char *const moves[] = {
        "idle to head",        "head to upload",   "upload to await", "await to respond",
        "respond to complete", "complete to idle", "idle to gone",    NULL};

    gate_start_proxy(&gate, "");
    gate_watch_log(&gate);
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n");
    gate_run(&gate, 0.02);
    client_send(&gate, fd, HOST "Content-Length: 6\r\n\r\nabc");
    int back = server_accept(&gate);
    client_expect(&gate, back, "abc");
    client_send(&gate, fd, "def");
    client_expect(&gate, back, "def");
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&gate, fd, "ok");
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    expect_moves(moves);
    close(back);
    gate_close(&gate);
}

Test(h1_state, a_response_comes_before_the_bodys_end)
{
    static const char *const moves[] = {"idle to upload",     "upload to duplex",
                                        "duplex to answered", "answered to complete",
                                        "complete to idle",   NULL};

    gate_start(&gate, "return 200 'ok';");
    gate_watch_log(&gate);
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabc");
    client_expect(&gate, fd, "ok");
    client_send(&gate, fd, "def");
    gate_until(&gate, gate_has_logged(&gate, "complete to idle"));
    expect_moves(moves);
    close(fd);
    gate_close(&gate);
}

Test(h1_state, a_refusal_drops_what_comes)
{
    static const char *const moves[] = {"idle to refused", "refused to refuse",
                                        "refuse to complete", "complete to gone", NULL};

    gate_start(&gate, "return 200 'ok';");
    gate_watch_log(&gate);
    int fd = client_open(&gate);
    client_send(&gate, fd, "GET\r\n\r\n");
    client_expect(&gate, fd, " 400 ");
    gate_until(&gate, gate_has_logged(&gate, "client 1: active to linger"));
    expect_moves(moves);
    close(fd);
    gate_close(&gate);
}

Test(h1_state, a_tunnel_ends_one_side_after_the_other)
{
    static const char *const moves[] = {"await to tunnel", "tunnel to tunnel_down",
                                        "tunnel_down to tunnel_ended", "tunnel_ended to gone",
                                        NULL};

    gate_start_proxy(&gate, "");
    gate_watch_log(&gate);
    int fd = client_open(&gate);
    client_send(&gate, fd,
                "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    int back = server_accept(&gate);
    client_send(&gate, back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\n\r\n");
    client_expect(&gate, fd, " 101 ");
    shutdown(fd, SHUT_WR);
    client_rest(&gate, back);
    shutdown(back, SHUT_WR);
    client_rest(&gate, fd);
    close(back);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    expect_moves(moves);
    gate_close(&gate);
}
