/* SPDX-License-Identifier: MIT */
/* Responses on their way in: what servers get right, and all that they get wrong. */
#include "backend/rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
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

TestSuite(h1_response, .init = setup, .fini = teardown);

static int ask(struct visit *visit, enum http_method method)
{
    visit_init(visit, &rig, method, 0);
    cr_assert_eq(visit_start(visit), 0);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    return fd;
}

static void expect_failure(struct visit *visit, enum error error)
{
    RIG_UNTIL(&rig, visit->failures == 1);
    cr_assert_eq(visit->error, error, "%s, not %s", error_token(visit->error), error_token(error));
    cr_assert_not(visit->untouched);
    visit_close(visit);
    rig_turn(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
}

Test(h1_response, chunks_and_trailers)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    RIG_UNTIL(&rig, visit.body_len == 3);
    server_send(fd, "lo\r\n0\r\nX-Sum: 42\r\n\r\n");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "hello");
    const struct http_field *sum =
        http_fields_find_name(&visit.exchange->response_body.trailers, SLICE("x-sum"));
    cr_assert(sum && slice_equal(sum->value, SLICE("42")));
    visit_close(&visit);
    close(fd);
}

Test(h1_response, head_has_no_body_whatever_it_announces)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_HEAD);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.exchange->response.content_length, 1000);
    visit_close(&visit);
    rig_turn(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(h1_response, until_close_ends_with_the_connection)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\n\r\nall of it");
    close(fd);
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "all of it");
    cr_assert_eq(visit.failures, 0);
    visit_close(&visit);
}

Test(h1_response, until_close_is_broken_by_a_reset)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\n\r\npart");
    RIG_UNTIL(&rig, visit.body_len == 4);
    server_reset(fd);
    RIG_UNTIL(&rig, visit.is_broken);
    expect_failure(&visit, ERROR_BACKEND_RESET);
}

Test(h1_response, interim_responses_are_relayed)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                    "HTTP/1.1 103 Early Hints\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.interims, 2);
    cr_assert_eq(visit.last_interim, 103);
    cr_assert_eq(visit.status, 200);
    visit_close(&visit);
    close(fd);
}

Test(h1_response, interim_responses_are_bounded)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    for (unsigned i = 0; i < 101; i++)
        server_send(fd, "HTTP/1.1 103 Early Hints\r\n\r\n");
    expect_failure(&visit, ERROR_RESPONSE_TOO_LARGE);
    close(fd);
}

Test(h1_response, interim_bytes_are_bounded)
{
    struct visit visit;
    char text[4096];
    int len = snprintf(text, sizeof(text), "HTTP/1.1 103 Early Hints\r\nX: %03000d\r\n\r\n", 0);
    cr_assert_lt(len, (int)sizeof(text));
    int fd = ask(&visit, METHOD_GET);
    for (unsigned i = 0; i < 30 && visit.failures == 0; i++) {
        server_send(fd, text);
        rig_turn(&rig);
    }
    expect_failure(&visit, ERROR_RESPONSE_TOO_LARGE);
    close(fd);
}

Test(h1_response, one_byte_at_a_time)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    for (const char *at = text; *at != '\0'; at++) {
        const char byte[2] = {*at, '\0'};
        server_send(fd, byte);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    }
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "abc");
    visit_close(&visit);
    close(fd);
}

Test(h1_response, closed_before_the_head)
{
    struct visit visit;
    close(ask(&visit, METHOD_GET));
    expect_failure(&visit, ERROR_BACKEND_CLOSED);
}

Test(h1_response, reset_before_the_head)
{
    struct visit visit;
    server_reset(ask(&visit, METHOD_GET));
    expect_failure(&visit, ERROR_BACKEND_RESET);
}

Test(h1_response, closed_within_the_head)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nX-");
    close(fd);
    expect_failure(&visit, ERROR_BACKEND_TRUNCATED);
}

Test(h1_response, a_short_body_is_broken)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    close(fd);
    RIG_UNTIL(&rig, visit.is_broken);
    cr_assert_str_eq(visit.body, "short");
    expect_failure(&visit, ERROR_BACKEND_TRUNCATED);
}

Test(h1_response, truncated_chunks_are_broken)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    close(fd);
    RIG_UNTIL(&rig, visit.is_broken);
    expect_failure(&visit, ERROR_BACKEND_TRUNCATED);
}

Test(h1_response, malformed_chunks_are_broken)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX");
    RIG_UNTIL(&rig, visit.is_broken);
    expect_failure(&visit, ERROR_RESPONSE);
    RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
}

Test(h1_response, garbage)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    expect_failure(&visit, ERROR_RESPONSE);
    close(fd);
}

Test(h1_response, an_endless_head)
{
    struct visit visit;
    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\n");
    char line[1024];
    snprintf(line, sizeof(line), "X-A: %0900d\r\n", 0);
    for (unsigned i = 0; i < 1024 && visit.failures == 0; i++) {
        (void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
        if (i % 16 == 0)
            rig_turn(&rig);
        cr_assert_lt(rig.loop.buffers.held, 512 * 1024);
    }
    expect_failure(&visit, ERROR_RESPONSE_TOO_LARGE);
    close(fd);
}

Test(h1_response, failures_before_a_response_count_and_later_ones_do_not)
{
    struct backend_attempts none = {0};
    struct visit visit;
    /* A second endpoint, which is tried last, so that the first one's health shows. */
    rig.endpoints[1] = rig.endpoints[0];
    rig.endpoints[1].config = &rig.endpoint_configs[1];
    rig.endpoint_configs[1].backup = true;
    rig.upstream.endpoint_count = 2;
    rig_bind(&rig);

    int fd = ask(&visit, METHOD_GET);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    close(fd);
    expect_failure(&visit, ERROR_BACKEND_TRUNCATED);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 2);

    close(ask(&visit, METHOD_GET));
    expect_failure(&visit, ERROR_BACKEND_CLOSED);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 1);
}

Test(h1_response, a_client_that_does_not_take_holds_the_server_up)
{
    struct visit visit;
    const size_t size = 10 * 1024 * 1024;
    int fd = ask(&visit, METHOD_GET);
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    visit.takes = false;
    server_send(fd, head);
    static char piece[64 * 1024];
    size_t sent = 0;
    for (unsigned quiet = 0; quiet < 20 && sent < size;) {
        size_t want = size - sent < sizeof(piece) ? size - sent : sizeof(piece);
        ssize_t len = send(fd, piece, want, MSG_NOSIGNAL);
        quiet = len > 0 ? 0 : quiet + 1;
        sent += len > 0 ? (size_t)len : 0;
        rig_turn(&rig);
        cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    }
    cr_assert_leq(visit.exchange->response_body.bytes.len, EXCHANGE_PIPE_LIMIT + 64 * 1024);
    cr_assert_not(visit.has_ended);

    /* Now the client takes, in pieces, and all comes through. */
    size_t taken = 0;
    double end = rig_seconds() + 20;
    while (taken < size) {
        cr_assert_lt(rig_seconds(), end);
        struct chain bytes;
        chain_init(&bytes, &rig.loop.buffers);
        taken += exchange_take_response(visit.exchange, &bytes, 16 * 1024);
        chain_clear(&bytes);
        size_t want = size - sent < sizeof(piece) ? size - sent : sizeof(piece);
        ssize_t len = want > 0 ? send(fd, piece, want, MSG_NOSIGNAL) : 0;
        sent += len > 0 ? (size_t)len : 0;
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    }
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    rig_turn(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}
