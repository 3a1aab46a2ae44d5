/* SPDX-License-Identifier: MIT */
/* Requests: the ambiguous ones are refused, bodies stream, limits hold. */
#include "frontend/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig rig;

#define HOST "Host: a\r\n"

/* Row S1. */
static const char *const hostile[] = {
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc",
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nabc",
    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\n" HOST "\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET  / HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.1 \r\n" HOST "\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
};

Test(h1_request, ambiguity_is_400_and_the_end)
{
    rig_start_proxy(&rig, "");
    for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
        int fd = client_open(&rig);

        client_send(&rig, fd, hostile[i]);
        client_send(&rig, fd, "GET /next HTTP/1.1\r\n" HOST "\r\n");
        client_rest(&rig, fd);
        cr_assert_eq(rig_count(&rig, "HTTP/1.1 "), 1, "%s: %s", hostile[i], rig.text);
        cr_assert(strstr(rig.text, "HTTP/1.1 400 "), "%s: %s", hostile[i], rig.text);
        cr_assert(strstr(rig.text, "Connection: close"));
        close(fd);
    }
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

static void expect_status(const char *request, size_t fill, const char *rest, const char *status)
{
    char *text = malloc(strlen(request) + fill + strlen(rest) + 1);
    int fd = client_open(&rig);

    strcpy(text, request);
    memset(text + strlen(request), 'a', fill);
    strcpy(text + strlen(request) + fill, rest);
    client_send(&rig, fd, text);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, status), "%s: %.200s", status, rig.text);
    close(fd);
    free(text);
}

Test(h1_request, large_heads_are_told_414_and_431)
{
    rig_start(&rig, "large_client_header_buffers 2 1k; return 200 'ok';");
    expect_status("GET /", 1100, " HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 414 ");
    expect_status("GET / HTTP/1.1\r\n" HOST "A: ", 1100, "\r\n\r\n", "HTTP/1.1 431 ");
    rig_close(&rig);
}

Test(h1_request, other_refusals_have_their_status)
{
    rig_start(&rig, "return 200 'ok';");
    expect_status("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 0, "", "HTTP/1.1 501 ");
    expect_status("GET / HTTP/2.0\r\n" HOST "\r\n", 0, "", "HTTP/1.1 505 ");
    rig_close(&rig);
}

/* Reads what the backend gets until it has the text. */
static void back_expect(int back, const char *text)
{
    client_expect(&rig, back, text);
}

Test(h1_request, a_chunked_body_streams_to_the_backend)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "POST /up HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    int back = server_accept(&rig);
    back_expect(back, "hello");
    cr_assert(strstr(rig.text, "Transfer-Encoding: chunked\r\n"));
    client_send(&rig, fd, "6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n");
    back_expect(back, "X-Sum: 1\r\n\r\n");
    client_send(&rig, back, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "ok");
    client_send(&rig, fd, "GET /again HTTP/1.1\r\n" HOST "\r\n");
    back_expect(back, "GET /again ");
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_request, a_large_body_waits_for_a_slow_backend_in_bounded_memory)
{
    enum { PIECE = 64 * 1024, TOTAL = 24 * 1024 * 1024 };
    static char piece[PIECE];
    char head[128];
    size_t sent = 0, taken = 0, stuck = 0;

    rig_start_proxy(&rig, "client_max_body_size 0;");
    int fd = client_open(&rig);
    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", TOTAL);
    client_send(&rig, fd, head);
    int back = server_accept(&rig);
    while (stuck < 100 && sent < TOTAL) {
        size_t left = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;
        ssize_t now = send(fd, piece, left, MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        stuck = now > 0 ? 0 : stuck + 1;
        rig_turn(&rig);
    }
    cr_assert_lt(sent, TOTAL);
    cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    while (taken < TOTAL) {
        size_t left = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;
        ssize_t now = left ? send(fd, piece, left, MSG_DONTWAIT) : 0;

        sent += now > 0 ? (size_t)now : 0;
        rig_turn(&rig);
        now = recv(back, rig.text, sizeof(rig.text), MSG_DONTWAIT);
        taken += now > 0 ? (size_t)now : 0;
    }
    cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    client_send(&rig, back, "HTTP/1.1 204 No Content\r\n\r\n");
    client_expect(&rig, fd, "HTTP/1.1 204 ");
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_request, a_body_over_the_limit_is_told_413)
{
    rig_start_proxy(&rig, "client_max_body_size 10;");
    expect_status("POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n", 11, "",
                  "HTTP/1.1 413 ");
    expect_status("POST / HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n",
                  0, "", "HTTP/1.1 413 ");
    /* The size line says it: nothing of the chunk need come. */
    expect_status("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n", 0, "",
                  "HTTP/1.1 413 ");
    expect_status("POST / HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n",
                  0, "", "HTTP/1.1 413 ");
    expect_status("POST / HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                  0, "", "HTTP/1.1 413 ");
    rig_close(&rig);
}

Test(h1_request, a_chunked_body_of_the_limit_is_taken)
{
    rig_start_proxy(&rig, "client_max_body_size 10;");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\n");
    int back = server_accept(&rig);
    back_expect(back, "hello");
    client_send(&rig, fd, "world\r\n0\r\n\r\n");
    back_expect(back, "0\r\n\r\n");
    client_send(&rig, back, "HTTP/1.1 204 No Content\r\n\r\n");
    client_expect(&rig, fd, "HTTP/1.1 204 ");
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_request, a_bad_chunk_is_400_and_the_backend_sees_no_end)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    int back = server_accept(&rig);
    back_expect(back, "hello");
    client_send(&rig, fd, "5 \r\nworld\r\n0\r\n\r\n");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 400 "));
    client_rest(&rig, back);
    cr_assert_null(strstr(rig.text, "0\r\n\r\n"));
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_request, a_silent_body_is_told_408)
{
    rig_start_proxy(&rig, "client_body_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    int back = server_accept(&rig);
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408 "));
    rig_expect_took(&rig, &watch, 0.5, 1.5);
    client_rest(&rig, back);
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(h1_request, the_client_is_told_to_continue_by_the_backend)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd,
                "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    int back = server_accept(&rig);
    back_expect(back, "\r\n\r\n");
    client_send(&rig, back, "HTTP/1.1 100 Continue\r\n\r\n");
    client_expect(&rig, fd, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&rig, fd, "abc");
    back_expect(back, "abc");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "\r\n\r\nok");
    cr_assert_null(strstr(rig.text, "Connection: close"));
    close(back);
    close(fd);
    rig_close(&rig);
}

/* Whether the body follows the answer nobody knows: what comes next must not be taken for either.
 */
Test(h1_request, an_answer_in_place_of_100_ends_the_connection)
{
    rig_start(&rig, "return 403 'no';");
    expect_status("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 0,
                  "", "Connection: close");
    rig_close(&rig);
}

/* RFC 9112 section 2.2: some clients send an empty line behind a body. */
Test(h1_request, empty_lines_between_requests_are_no_request)
{
    rig_start(&rig, "return 200 'ok'; keepalive_timeout 2s; client_header_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.1\r\n" HOST "\r\n\r\n");
    client_expect(&rig, fd, "ok");
    rig_run(&rig, 1.5); /* no head has begun */
    client_send(&rig, fd, "GET / HTTP/1.1\r\n" HOST "\r\n\r");
    client_expect(&rig, fd, "ok");
    client_rest(&rig, fd);
    cr_assert_str_eq(rig.text, "");
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}
