/* SPDX-License-Identifier: MIT */
/* Connections that become tunnels, and those that should not. */
#include "backend/rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 1);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(h1_connection, .init = setup, .fini = teardown);

/* ---- tunnels ---- */

/* A visit whose request asks to switch; its request pipe stays open for the tunnel. */
static int open_tunnel(struct visit *visit, const char *extra)
{
    visit_init(visit, &rig, METHOD_GET, 0);
    visit->exchange->request_body.state = PIPE_OPEN;
    visit->exchange->forward.upgrade = SLICE("websocket");
    visit_start(visit);
    int fd = server_accept(&rig, 0);
    const char *request = server_read(&rig, fd, "\r\n\r\n");
    cr_assert(strstr(request, "Upgrade: websocket\r\n"));
    char text[512] = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                     "Upgrade: websocket\r\n\r\n";
    strcat(text, extra);
    server_send(fd, text);
    RIG_UNTIL(&rig, visit->responses == 1);
    cr_assert_eq(visit->status, 101);
    cr_assert(visit->exchange->is_tunnel);
    return fd;
}

Test(h1_connection, a_tunnel_carries_bytes_both_ways)
{
    struct visit visit;
    int fd = open_tunnel(&visit, "first");
    RIG_UNTIL(&rig, visit.body_len == 5);
    visit_push(&visit, "ping");
    server_read(&rig, fd, "ping");
    server_send(fd, " pong");
    RIG_UNTIL(&rig, visit.body_len == 10);
    cr_assert_str_eq(visit.body, "first pong");
    visit_close(&visit);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(h1_connection, a_tunnel_half_closes_from_the_server)
{
    struct visit visit;
    int fd = open_tunnel(&visit, "");
    server_send(fd, "bye");
    shutdown(fd, SHUT_WR);
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "bye");
    visit_push(&visit, "still here");
    server_read(&rig, fd, "still here");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    RIG_UNTIL(&rig, server_sees_end(fd));
    RIG_UNTIL(&rig, visit.exchange->back == NULL);
    cr_assert_eq(visit.failures, 0);
    visit_close(&visit);
    close(fd);
}

Test(h1_connection, a_tunnel_half_closes_from_the_client)
{
    struct visit visit;
    int fd = open_tunnel(&visit, "");
    visit_push(&visit, "last words");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    server_read(&rig, fd, "last words");
    RIG_UNTIL(&rig, server_sees_end(fd));
    server_send(fd, "answer");
    close(fd);
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "answer");
    RIG_UNTIL(&rig, visit.exchange->back == NULL);
    cr_assert_eq(visit.failures, 0);
    visit_close(&visit);
}

Test(h1_connection, what_a_client_said_before_it_left_is_sent)
{
    struct visit visit;
    int fd = open_tunnel(&visit, "");
    visit_push(&visit, "last words");
    visit_close(&visit);
    server_read(&rig, fd, "last words");
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(h1_connection, a_reset_breaks_a_tunnel)
{
    struct visit visit;
    int fd = open_tunnel(&visit, "");
    server_reset(fd);
    RIG_UNTIL(&rig, visit.is_broken);
    cr_assert_eq(visit.error, ERROR_BACKEND_RESET);
    visit_close(&visit);
}

Test(h1_connection, a_switch_that_nobody_asked_for_is_malformed)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\n\r\n");
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE);
    cr_assert_not(visit.exchange->is_tunnel);
    visit_close(&visit);
    close(fd);
}

static void refuse_switch(struct visit *visit, const char *upgrade)
{
    visit_init(visit, &rig, METHOD_POST, 4);
    visit->exchange->forward.upgrade = SLICE("tcp");
    visit_push(visit, "body");
    exchange_end_request(visit->exchange, PIPE_ENDED);
    visit_start(visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\nbody");
    server_send(fd, upgrade);
    RIG_UNTIL(&rig, visit->failures == 1);
    cr_assert_eq(visit->error, ERROR_RESPONSE);
    cr_assert_not(visit->exchange->is_tunnel);
    visit_close(visit);
    close(fd);
}

Test(h1_connection, a_switch_to_something_else_is_malformed)
{
    struct visit visit;
    refuse_switch(&visit, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n");
    refuse_switch(&visit, "HTTP/1.1 101 X\r\nUpgrade: tcp, h2c\r\n\r\n");
    refuse_switch(&visit, "HTTP/1.1 101 X\r\nUpgrade: tcp\r\nUpgrade: h2c\r\n\r\n");
}

Test(h1_connection, a_switch_comes_behind_the_body)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, 4);
    visit.exchange->forward.upgrade = SLICE("tcp");
    visit_push(&visit, "body");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "Upgrade: tcp\r\nContent-Length: 4\r\n\r\nbody");
    server_send(fd, "HTTP/1.1 101 UPGRADED\r\nUpgrade: TCP\r\nConnection: Upgrade\r\n"
                    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nhello");
    RIG_UNTIL(&rig, visit.body_len == 5);
    cr_assert(visit.exchange->is_tunnel);
    RIG_UNTIL(&rig, server_sees_end(fd)); /* this front keeps the pipe as it is: ended */
    visit_close(&visit);
    close(fd);
}

Test(h1_connection, a_switch_in_the_middle_of_the_body_is_malformed)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, 4);
    visit.exchange->forward.upgrade = SLICE("tcp");
    visit_push(&visit, "bo");
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\nbo");
    server_send(fd, "HTTP/1.1 101 X\r\nUpgrade: tcp\r\n\r\n");
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE);
    visit_close(&visit);
    close(fd);
}

Test(h1_connection, a_refused_switch_is_an_ordinary_response)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.exchange->request_body.state = PIPE_OPEN;
    visit.exchange->forward.upgrade = SLICE("websocket");
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_answer(&rig, fd, "no");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 200);
    cr_assert_not(visit.exchange->is_tunnel);
    visit_close(&visit);
    close(fd);
}
