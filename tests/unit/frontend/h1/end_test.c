/* SPDX-License-Identifier: MIT */
/* How exchanges end: half-closed clients are served, vanished ones noticed, early answers arrive.
 */
#include "frontend/rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct rig rig;

/* Seconds until the backend's connection ends. */
static double until_back_ends(int back)
{
    struct rig_watch watch = rig_watch(&rig);

    client_rest(&rig, back);
    return rig_took(&rig, &watch);
}

Test(h1_end, a_half_closed_client_is_answered)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    shutdown(fd, SHUT_WR);
    int back = server_accept(&rig);
    rig_run(&rig, 1.5); /* longer than any question takes */
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_rest(&rig, fd);
    cr_assert_not(rig.was_reset);
    cr_assert(strstr(rig.text, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    cr_assert(strstr(rig.text, "\r\n\r\nok"));
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_end, a_half_closed_pipeline_is_answered)
{
    rig_start(&rig, "return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET GET GET);
    shutdown(fd, SHUT_WR);
    client_rest(&rig, fd);
    cr_assert_eq(rig_count(&rig, "HTTP/1.1 200"), 3);
    cr_assert_not(rig.was_reset);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

/* Row B2, with a backend that says nothing. */
Test(h1_end, a_client_that_vanishes_before_the_response_is_noticed)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    close(fd);
    cr_assert_lt(until_back_ends(back), 1.2);
    close(back);
    rig_close(&rig);
}

/* Row B2: what the backend goes on to send asks. */
Test(h1_end, a_client_that_vanishes_in_the_response_is_noticed)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
    client_expect(&rig, fd, "abc");
    close(fd);
    struct rig_watch watch = rig_watch(&rig);
    do {
        (void)!send(back, "x", 1, MSG_NOSIGNAL);
        rig_run(&rig, 0.1);
        ssize_t got = recv(back, rig.text, sizeof(rig.text), MSG_DONTWAIT);
        rig.ended = got == 0 || (got < 0 && errno != EAGAIN);
    } while (!rig.ended && rig_took(&rig, &watch) < 5);
    rig_expect_took(&rig, &watch, 0, 1);
    close(back);
    rig_close(&rig);
}

Test(h1_end, a_half_closed_client_gets_a_response_that_pauses)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    client_expect(&rig, fd, "abc");
    shutdown(fd, SHUT_WR);
    rig_run(&rig, 2.0);
    client_send(&rig, back, "def");
    client_rest(&rig, fd);
    cr_assert_str_eq(rig.text, "def");
    cr_assert_not(rig.was_reset);
    close(back);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(h1_end, a_client_that_vanishes_in_its_request_is_noticed_at_once)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    int back = server_accept(&rig);
    client_expect(&rig, back, "abc");
    close(fd);
    cr_assert_lt(until_back_ends(back), 0.3);
    close(back);
    rig_close(&rig);
}

Test(h1_end, a_reset_is_noticed_at_once)
{
    struct linger linger = {1, 0};

    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
    cr_assert_lt(until_back_ends(back), 0.3);
    close(back);
    rig_close(&rig);
}

Test(h1_end, a_small_body_that_nobody_wants_is_read_and_the_connection_kept)
{
    rig_start(&rig, "return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabc");
    client_expect(&rig, fd, "ok");
    cr_assert_null(strstr(rig.text, "close"));
    client_send(&rig, fd, "def" GET);
    client_expect(&rig, fd, "ok");
    close(fd);
    rig_close(&rig);
}

Test(h1_end, an_early_answer_of_the_backend_ends_the_upload)
{
    enum { SIZE = 8 * 1024 * 1024 };
    char *body = calloc(1, SIZE);
    size_t sent = 0;

    rig_start_proxy(&rig, "client_max_body_size 0;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 8388608\r\n\r\n");
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    for (int i = 0; i < 50; i++) {
        ssize_t now = send(fd, body + sent, 64 * 1024, MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += now > 0 ? (size_t)now : 0;
        rig_turn(&rig);
    }
    client_expect(&rig, fd, "no");
    cr_assert(strstr(rig.text, "HTTP/1.1 413 "));
    close(back);
    close(fd);
    free(body);
    rig_close(&rig);
}

Test(h1_end, a_stalled_upload_under_a_response_is_ended)
{
    rig_start_proxy(&rig, "client_body_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nabc");
    int back = server_accept(&rig);
    client_expect(&rig, back, "abc");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    client_expect(&rig, fd, "2\r\nok\r\n");
    /* Slow, which is as it may be now; then silent. */
    for (int i = 0; i < 5; i++) {
        rig_run(&rig, 0.5);
        client_send(&rig, fd, "x");
    }
    client_expect(&rig, back, "x");
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, fd);
    cr_assert(rig.was_reset);
    rig_expect_took(&rig, &watch, 0.5, 1.5);
    client_rest(&rig, back);
    close(back);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

/* ---- tunnels ---- */

#define UPGRADE  "GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCHES "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n"

Test(h1_end, a_tunnel_whose_backend_has_ended_brings_it_all_that_follows)
{
    enum { TOTAL = 24 * 1024 * 1024 };
    static char piece[64 * 1024];
    size_t sent = 0, got = 0;
    int stuck = 0, small = 4096;

    rig_start_proxy(&rig, "proxy_read_timeout 1s;");
    setsockopt(rig.server, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    int fd = client_open(&rig);
    client_send(&rig, fd, UPGRADE);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    client_send(&rig, back, SWITCHES);
    client_expect(&rig, fd, "\r\n\r\n");
    shutdown(back, SHUT_WR);
    client_rest(&rig, fd);
    while (stuck < 100 && sent < TOTAL) {
        ssize_t now = send(fd, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += now > 0 ? (size_t)now : 0;
        stuck = now > 0 ? 0 : stuck + 1;
        rig_turn(&rig);
    }
    cr_assert_lt(sent, TOTAL);
    rig_run(&rig, 2.5); /* the backend's slowness is not the client's silence */
    shutdown(fd, SHUT_WR);
    for (int turns = 0; turns < 8000; turns++) {
        ssize_t now = recv(back, piece, sizeof(piece), MSG_DONTWAIT);

        if (now == 0)
            break;
        cr_assert(now > 0 || errno == EAGAIN, "%d after %zu", errno, got);
        got += now > 0 ? (size_t)now : 0;
        if (now < 0)
            rig_turn(&rig);
    }
    cr_assert_eq(got, sent);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_end, a_silent_client_of_an_ended_tunnel_is_ended)
{
    rig_start_proxy(&rig, "proxy_read_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, UPGRADE);
    int back = server_accept(&rig);
    client_send(&rig, back, SWITCHES);
    shutdown(back, SHUT_WR);
    client_rest(&rig, fd);
    for (int i = 0; i < 4; i++) {
        client_send(&rig, fd, "ping");
        client_expect(&rig, back, "ping");
        rig_run(&rig, 0.4);
    }
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, back);
    rig_expect_took(&rig, &watch, 0, 2.5);
    close(back);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(h1_end, an_end_before_the_switch_is_passed_on)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, UPGRADE "early");
    shutdown(fd, SHUT_WR);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    rig_run(&rig, 0.1);
    client_send(&rig, back, SWITCHES);
    client_rest(&rig, back);
    cr_assert_str_eq(rig.text, "early");
    rig_run(&rig, 1.2);
    client_send(&rig, back, "bye");
    close(back);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "\r\n\r\nbye"));
    cr_assert_not(rig.was_reset);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}
