/* SPDX-License-Identifier: MIT */
/* Lingering: last bytes arrive, whatever ends the connection and whatever the client still sends.
 */
#include "frontend/rig.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct rig rig;

enum { LARGE = 40000 };

/* A client that takes little at a time, and a response to it that is complete and still queued. */
static int slow_client(int *back)
{
    static char body[LARGE + 1];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(rig.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int small = 2048;

    setsockopt(rig.listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_send(&rig, fd, GET);
    *back = server_accept(&rig);
    memset(body, 'x', LARGE);
    client_send(&rig, *back, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n");
    client_send_bytes(&rig, *back, body, LARGE);
    rig_run(&rig, 0.2);
    return fd;
}

static void expect_large(int fd, int back)
{
    client_rest(&rig, fd);
    const char *body = strstr(rig.text, "\r\n\r\n");
    cr_assert(body);
    cr_assert_eq(strlen(body + 4), LARGE);
    cr_assert_not(rig.was_reset);
    close(back);
    close(fd);
}

Test(linger, the_end_of_keep_alive_does_not_cut_a_response)
{
    int back;

    rig_start_proxy(&rig, "keepalive_timeout 1s;");
    int fd = slow_client(&back);
    rig_run(&rig, 1.5);
    expect_large(fd, back);
    rig_close(&rig);
}

Test(linger, the_client_s_end_does_not_cut_a_response)
{
    int back;

    rig_start_proxy(&rig, "");
    int fd = slow_client(&back);
    shutdown(fd, SHUT_WR);
    rig_run(&rig, 0.2);
    expect_large(fd, back);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(linger, draining_does_not_cut_a_response)
{
    int back;

    rig_start_proxy(&rig, "");
    int fd = slow_client(&back);
    frontend_drain(rig.frontend, 30);
    rig_run(&rig, 0.2);
    expect_large(fd, back);
    rig_until(&rig, rig.drained == 1);
    rig_close(&rig);
}

Test(linger, making_room_does_not_cut_a_response)
{
    int back;

    rig_start_proxy(&rig, "");
    rig_set_tenant(
        &rig, "acme", "max_connections 1;",
        arena_printf(&rig.arena, "location / { proxy_pass http://127.0.0.1:%u; }", rig.server_port)
            .data);
    int fd = slow_client(&back);
    int other = client_open(&rig);
    rig_run(&rig, 0.2);
    client_send(&rig, other, GET);
    expect_large(fd, back);
    back = server_accept(&rig);
    close(back);
    close(other);
    rig_close(&rig);
}

Test(linger, a_large_body_that_nobody_wants_does_not_destroy_the_answer)
{
    enum { SIZE = 4 * 1024 * 1024 };
    char *body = calloc(1, SIZE);

    rig_start(&rig, "return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
    for (size_t sent = 0; sent < SIZE; sent += SIZE / 64) {
        client_send_bytes(&rig, fd, body, SIZE / 64);
        rig_run(&rig, 0.004);
    }
    cr_assert_eq(send(fd, "x", 1, MSG_NOSIGNAL), 1, "it is read to its end");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close"));
    cr_assert(strstr(rig.text, "\r\n\r\nok"));
    cr_assert_not(rig.was_reset);
    close(fd);
    free(body);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(linger, nobody_lingers_for_ever)
{
    rig_start(&rig, "return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_rest(&rig, fd);
    struct rig_watch watch = rig_watch(&rig);
    ev_timer_set(&rig.tick, 0.02, 0.02);
    ev_timer_again(rig.loop.ev, &rig.tick);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_expect_took(&rig, &watch, 4.5, 5.5);
    close(fd);
    rig_close(&rig);
}
