/* SPDX-License-Identifier: MIT */
/* The states of HTTP/1 connections, as the log tells them. */
#include "frontend/rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"

static struct rig rig;

static void expect_moves(const char *const moves[])
{
    for (size_t i = 0; moves[i]; i++) {
        char line[64];

        snprintf(line, sizeof(line), "client 1: HTTP/1: %s", moves[i]);
        cr_expect(rig_has_logged(&rig, line), "no \"%s\"", line);
    }
}

Test(h1_state, a_body_comes_before_its_response)
{
    static const char *const moves[] = {
        "idle to head",        "head to upload",   "upload to await", "await to respond",
        "respond to complete", "complete to idle", "idle to gone",    NULL};

    rig_start_proxy(&rig, "");
    rig_watch_log(&rig);
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n");
    rig_until(&rig, rig_has_logged(&rig, "idle to head"));
    client_send(&rig, fd, HOST "Content-Length: 6\r\n\r\nabc");
    int back = server_accept(&rig);
    client_expect(&rig, back, "abc");
    client_send(&rig, fd, "def");
    client_expect(&rig, back, "def");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "ok");
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    expect_moves(moves);
    close(back);
    rig_close(&rig);
}

Test(h1_state, a_response_comes_before_the_bodys_end)
{
    static const char *const moves[] = {"idle to upload",     "upload to duplex",
                                        "duplex to answered", "answered to complete",
                                        "complete to idle",   NULL};

    rig_start(&rig, "return 200 'ok';");
    rig_watch_log(&rig);
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabc");
    client_expect(&rig, fd, "ok");
    client_send(&rig, fd, "def");
    rig_until(&rig, rig_has_logged(&rig, "complete to idle"));
    expect_moves(moves);
    close(fd);
    rig_close(&rig);
}

Test(h1_state, a_refusal_drops_what_comes)
{
    static const char *const moves[] = {"idle to refused", "refused to refuse",
                                        "refuse to complete", "complete to gone", NULL};

    rig_start(&rig, "return 200 'ok';");
    rig_watch_log(&rig);
    int fd = client_open(&rig);
    client_send(&rig, fd, "GET\r\n\r\n");
    client_expect(&rig, fd, " 400 ");
    rig_until(&rig, rig_has_logged(&rig, "client 1: active to linger"));
    expect_moves(moves);
    close(fd);
    rig_close(&rig);
}

Test(h1_state, a_tunnel_ends_one_side_after_the_other)
{
    static const char *const moves[] = {"await to tunnel", "tunnel to tunnel_down",
                                        "tunnel_down to tunnel_ended", "tunnel_ended to gone",
                                        NULL};

    rig_start_proxy(&rig, "");
    rig_watch_log(&rig);
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    int back = server_accept(&rig);
    client_send(&rig, back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\n\r\n");
    client_expect(&rig, fd, " 101 ");
    shutdown(fd, SHUT_WR);
    client_rest(&rig, back);
    shutdown(back, SHUT_WR);
    client_rest(&rig, fd);
    close(back);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    expect_moves(moves);
    rig_close(&rig);
}
