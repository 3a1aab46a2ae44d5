/* SPDX-License-Identifier: MIT */
/* Lingering: last bytes arrive, whatever ends the connection and whatever the client still sends.
 */
#include "frontend/gate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct gate gate;

enum { LARGE = 40000 };

/* A client that takes little at a time, and a response to it that is complete and still queued. */
static int slow_client(int *back)
{
    static char body[LARGE + 1];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gate.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 2048;

    setsockopt(gate.listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_send(&gate, fd, GET);
    *back = server_accept(&gate);
    memset(body, 'x', LARGE);
    client_send(&gate, *back, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n");
    client_send_bytes(&gate, *back, body, LARGE);
    gate_run(&gate, 0.2);
    return fd;
}

static void expect_large(int fd, int back)
{
    client_rest(&gate, fd);
    const char *body = strstr(gate.text, "\r\n\r\n");
    cr_assert(body);
    cr_assert_eq(strlen(body + 4), LARGE);
    cr_assert_not(gate.was_reset);
    close(back);
    close(fd);
}

Test(linger, the_end_of_keep_alive_does_not_cut_a_response)
{
    int back;

    gate_start_proxy(&gate, "keepalive_timeout 1s;");
    int fd = slow_client(&back);
    gate_run(&gate, 1.5);
    expect_large(fd, back);
    gate_close(&gate);
}

Test(linger, the_client_s_end_does_not_cut_a_response)
{
    int back;

    gate_start_proxy(&gate, "");
    int fd = slow_client(&back);
    shutdown(fd, SHUT_WR);
    gate_run(&gate, 0.2);
    expect_large(fd, back);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(linger, draining_does_not_cut_a_response)
{
    int back;

    gate_start_proxy(&gate, "");
    int fd = slow_client(&back);
    frontend_drain(gate.frontend, 30);
    gate_run(&gate, 0.2);
    expect_large(fd, back);
    gate_until(&gate, gate.drained == 1);
    gate_close(&gate);
}

Test(linger, making_room_does_not_cut_a_response)
{
    int back;

    gate_start_proxy(&gate, "");
    gate_set_tenant(&gate, "acme", "max_connections 1;",
                    arena_printf(&gate.arena, "location / { proxy_pass http://127.0.0.1:%u; }",
                                 gate.server_port)
                        .data);
    int fd = slow_client(&back);
    int other = client_open(&gate);
    gate_run(&gate, 0.2);
    client_send(&gate, other, GET);
    expect_large(fd, back);
    back = server_accept(&gate);
    close(back);
    close(other);
    gate_close(&gate);
}

Test(linger, a_large_body_that_nobody_wants_does_not_destroy_the_answer)
{
    enum { SIZE = 4 * 1024 * 1024 };
    char *body = calloc(1, SIZE);

    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
    for (size_t sent = 0; sent < SIZE; sent += SIZE / 64) {
        client_send_bytes(&gate, fd, body, SIZE / 64);
        gate_run(&gate, 0.004);
    }
    cr_assert_eq(send(fd, "x", 1, MSG_NOSIGNAL), 1, "it is read to its end");
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close"));
    cr_assert(strstr(gate.text, "\r\n\r\nok"));
    cr_assert_not(gate.was_reset);
    close(fd);
    free(body);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(linger, nobody_lingers_for_ever)
{
    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_rest(&gate, fd);
    double before = loop_now(&gate.loop);
    ev_timer_set(&gate.tick, 0.02, 0.02);
    ev_timer_again(gate.loop.ev, &gate.tick);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    cr_assert_float_eq(loop_now(&gate.loop) - before, 5.0, 0.5);
    close(fd);
    gate_close(&gate);
}
