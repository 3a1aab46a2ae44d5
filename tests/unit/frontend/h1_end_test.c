/* SPDX-License-Identifier: MIT */
/* How exchanges end: half-closed clients are served, vanished ones noticed, early answers arrive.
 */
#include "frontend/gate.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct gate gate;

/* Seconds until the backend's connection ends. */
static double until_back_ends(int back)
{
    double before = loop_now(&gate.loop);

    client_rest(&gate, back);
    return loop_now(&gate.loop) - before;
}

Test(h1_end, a_half_closed_client_is_answered)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    shutdown(fd, SHUT_WR);
    int back = server_accept(&gate);
    gate_run(&gate, 1.5); /* longer than any question takes */
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_rest(&gate, fd);
    cr_assert_not(gate.was_reset);
    cr_assert(strstr(gate.text, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    cr_assert(strstr(gate.text, "\r\n\r\nok"));
    close(back);
    close(fd);
    gate_close(&gate);
}

Test(h1_end, a_half_closed_pipeline_is_answered)
{
    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET GET GET);
    shutdown(fd, SHUT_WR);
    client_rest(&gate, fd);
    cr_assert_eq(gate_count(&gate, "HTTP/1.1 200"), 3);
    cr_assert_not(gate.was_reset);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

/* Row B2, with a backend that says nothing. */
Test(h1_end, a_client_that_vanishes_before_the_response_is_noticed)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    close(fd);
    cr_assert_lt(until_back_ends(back), 1.2);
    close(back);
    gate_close(&gate);
}

Test(h1_end, a_client_that_vanishes_in_the_response_is_noticed)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_send(&gate, back, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
    client_expect(&gate, fd, "abc");
    close(fd);
    cr_assert_lt(until_back_ends(back), 1.0);
    close(back);
    gate_close(&gate);
}

Test(h1_end, a_client_that_vanishes_in_its_request_is_noticed_at_once)
{
    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    int back = server_accept(&gate);
    client_expect(&gate, back, "abc");
    close(fd);
    cr_assert_lt(until_back_ends(back), 0.3);
    close(back);
    gate_close(&gate);
}

Test(h1_end, a_reset_is_noticed_at_once)
{
    struct linger linger = {1, 0};

    gate_start_proxy(&gate, "");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
    cr_assert_lt(until_back_ends(back), 0.3);
    close(back);
    gate_close(&gate);
}

Test(h1_end, a_small_body_that_nobody_wants_is_read_and_the_connection_kept)
{
    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabc");
    client_expect(&gate, fd, "ok");
    cr_assert_null(strstr(gate.text, "close"));
    client_send(&gate, fd, "def" GET);
    client_expect(&gate, fd, "ok");
    close(fd);
    gate_close(&gate);
}

Test(h1_end, a_large_body_that_nobody_wants_does_not_destroy_the_answer)
{
    enum { SIZE = 200 * 1024 };
    char *body = calloc(1, SIZE);

    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 204800\r\n\r\n");
    client_send_bytes(&gate, fd, body, SIZE);
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close"));
    cr_assert(strstr(gate.text, "\r\n\r\nok"));
    cr_assert_not(gate.was_reset);
    close(fd);
    free(body);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(h1_end, nobody_lingers_for_ever)
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

Test(h1_end, an_early_answer_of_the_backend_ends_the_upload)
{
    enum { SIZE = 8 * 1024 * 1024 };
    char *body = calloc(1, SIZE);
    size_t sent = 0;

    gate_start_proxy(&gate, "client_max_body_size 0;");
    int fd = client_open(&gate);
    client_send(&gate, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 8388608\r\n\r\n");
    int back = server_accept(&gate);
    client_send(&gate, back, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    for (int i = 0; i < 50; i++) {
        ssize_t now = send(fd, body + sent, 64 * 1024, MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += now > 0 ? (size_t)now : 0;
        gate_turn(&gate);
    }
    client_expect(&gate, fd, "no");
    cr_assert(strstr(gate.text, "HTTP/1.1 413 "));
    close(back);
    close(fd);
    free(body);
    gate_close(&gate);
}
