/* SPDX-License-Identifier: MIT */
/* Servers that keep us waiting, and clients that do. */
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

TestSuite(h1_deadline, .init = setup, .fini = teardown);

static void turn_for(double seconds)
{
    double end = rig_seconds() + seconds;
    while (rig_seconds() < end)
        rig_turn(&rig);
}

/* Turns until the visit fails with that error, not much before `after`. */
static void expect(struct visit *visit, enum error error, double since, double after)
{
    RIG_UNTIL(&rig, visit->failures == 1);
    cr_assert_eq(visit->error, error, "%s", error_token(visit->error));
    cr_assert_geq(rig_seconds() - since, after * 0.9);
    visit_close(visit);
}

Test(h1_deadline, connecting)
{
    /* A listener whose queue is full drops further SYNs: connecting hangs. */
    struct visit fillers[4], visit;
    close(rig.listeners[0]);
    struct address *address = &rig.endpoints[0].address;
    rig.listeners[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(rig.listeners[0], &address->any, address->len), 0);
    cr_assert_eq(listen(rig.listeners[0], 0), 0);
    for (unsigned i = 0; i < 4; i++) {
        visit_get(&fillers[i], &rig);
        rig_turn(&rig);
    }
    rig.settings.proxy_connect_timeout = 0.2;
    double since = rig_seconds();
    visit_get(&visit, &rig);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert(visit.untouched);
    expect(&visit, ERROR_CONNECT_TIMEOUT, since, 0.2);
    for (unsigned i = 0; i < 4; i++)
        visit_close(&fillers[i]);
}

Test(h1_deadline, a_silent_server)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.2;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    double since = rig_seconds();
    server_read(&rig, fd, "\r\n\r\n");
    expect(&visit, ERROR_READ_TIMEOUT, since, 0.2);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(h1_deadline, a_server_that_falls_silent_in_the_body)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.5;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (unsigned i = 0; i < 7; i++) {
        turn_for(0.1);
        server_send(fd, "x");
    }
    RIG_UNTIL(&rig, visit.body_len == 7);
    cr_assert_eq(visit.failures, 0, "a slow server is not a silent one");
    expect(&visit, ERROR_READ_TIMEOUT, rig_seconds(), 0.45);
    cr_assert(visit.is_broken);
    close(fd);
}

Test(h1_deadline, a_server_that_takes_nothing)
{
    static char piece[64 * 1024];
    struct visit visit;
    rig.settings.proxy_send_timeout = 0.3;
    rig.settings.proxy_read_timeout = 0.1;
    visit_init(&visit, &rig, METHOD_POST, 1 << 30);
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    double since = rig_seconds();
    RIG_UNTIL(&rig, ({
        while (visit.failures == 0 && exchange_pipe_has_room(&visit.exchange->request_body)) {
            struct chain bytes;
            chain_init(&bytes, &rig.loop.buffers);
            chain_append(&bytes, piece, sizeof(piece));
            exchange_push_request(visit.exchange, &bytes);
        }
        visit.failures == 1;
    }));
    expect(&visit, ERROR_WRITE_TIMEOUT, since, 0.3);
    close(fd);
}

Test(h1_deadline, a_slow_client_is_not_the_server_s_fault)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.1;
    rig.settings.proxy_send_timeout = 0.1;
    visit_init(&visit, &rig, METHOD_POST, 3);
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    turn_for(0.4);
    cr_assert_eq(visit.failures, 0);
    visit_push(&visit, "abc");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    double since = rig_seconds();
    expect(&visit, ERROR_READ_TIMEOUT, since, 0.1);
    close(fd);
}

Test(h1_deadline, a_client_that_does_not_take_is_not_the_server_s_fault)
{
    static char piece[256 * 1024];
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.1;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.takes = false;
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    cr_assert_gt(send(fd, piece, sizeof(piece), MSG_NOSIGNAL), 128 * 1024);
    RIG_UNTIL(&rig, visit.exchange->response_body.is_waiting);
    turn_for(0.4);
    cr_assert_eq(visit.failures, 0);
    visit_close(&visit);
    close(fd);
}

Test(h1_deadline, a_server_that_never_says_continue)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.2;
    visit_init(&visit, &rig, METHOD_POST, 3);
    visit.exchange->forward.expects_continue = true;
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    double since = rig_seconds();
    server_read(&rig, fd, "\r\n\r\n");
    expect(&visit, ERROR_READ_TIMEOUT, since, 0.2);
    close(fd);
}

Test(h1_deadline, a_tunnel_is_idle_when_neither_side_speaks)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.5;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.exchange->request_body.state = PIPE_OPEN;
    visit.exchange->forward.upgrade = SLICE("websocket");
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n");
    RIG_UNTIL(&rig, visit.responses == 1);
    for (unsigned i = 0; i < 6; i++) {
        turn_for(0.15);
        if (i % 2 == 0)
            visit_push(&visit, "x");
        else
            server_send(fd, "y");
    }
    rig_turn(&rig);
    cr_assert_eq(visit.failures, 0);
    double since = rig_seconds();
    expect(&visit, ERROR_READ_TIMEOUT, since, 0.45);
    close(fd);
}

Test(h1_deadline, a_server_that_began_to_answer_is_due_whatever_the_client_sends)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.2;
    visit_init(&visit, &rig, METHOD_POST, 100);
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    visit_push(&visit, "abc");
    server_read(&rig, fd, "abc");
    double since = rig_seconds();
    server_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    expect(&visit, ERROR_READ_TIMEOUT, since, 0.2);
    cr_assert(visit.is_broken);
    close(fd);
}
