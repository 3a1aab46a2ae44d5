/* SPDX-License-Identifier: MIT */
/* Requests on their way out: framing, backpressure, early answers, and peers that stop. */
#include "backend/rig.h"

#include <criterion/criterion.h>

#include <sys/ioctl.h>
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

TestSuite(h1_request, .init = setup, .fini = teardown);

static int start(struct visit *visit, int64_t length)
{
    visit_init(visit, &rig, METHOD_POST, length);
    cr_assert_eq(visit_start(visit), 0);
    return server_accept(&rig, 0);
}

static void finish(struct visit *visit, int fd)
{
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_UNTIL(&rig, visit->has_ended);
    cr_assert_str_eq(visit->body, "ok");
    visit_close(visit);
    rig_turn(&rig);
}

Test(h1_request, head_and_body_leave_together)
{
    struct visit visit;
    int fd = serve_once(&rig, 0, -1);
    visit_init(&visit, &rig, METHOD_POST, 5);
    visit_push(&visit, "hello");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    visit_start(&visit);
    int waiting = 0;
    RIG_UNTIL(&rig, ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0);
    char text[1024] = "";
    cr_assert_gt(recv(fd, text, sizeof(text) - 1, 0), 0);
    cr_assert(strstr(text, "Content-Length: 5\r\n\r\nhello"), "%s", text);
    finish(&visit, fd);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(h1_request, a_streamed_body_is_chunked_with_trailers)
{
    struct visit visit;
    int fd = start(&visit, HTTP_LENGTH_UNKNOWN);
    server_read(&rig, fd, "Transfer-Encoding: chunked\r\n\r\n");
    visit_push(&visit, "hello");
    server_read(&rig, fd, "5\r\nhello\r\n");
    http_fields_add(&visit.exchange->request_body.trailers, SLICE("X-Sum"), SLICE("1"));
    exchange_end_request(visit.exchange, PIPE_ENDED);
    server_read(&rig, fd, "0\r\nX-Sum: 1\r\n\r\n");
    finish(&visit, fd);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(h1_request, a_body_of_http2_that_has_ended_has_a_length)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit.exchange->forward.version = HTTP_2;
    visit_push(&visit, "hello");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    cr_assert_eq(visit_start(&visit), 0);
    int fd = server_accept(&rig, 0);
    const char *text = server_read(&rig, fd, "hello");
    cr_assert_not_null(strstr(text, "Content-Length: 5\r\n\r\nhello"), "%s", text);
    cr_assert_null(strstr(text, "chunked"));
    finish(&visit, fd);
    close(fd);
}

Test(h1_request, more_than_was_announced_is_never_sent)
{
    struct visit visit;
    int fd = start(&visit, 3);
    server_read(&rig, fd, "\r\n\r\n");
    visit_push(&visit, "abcGET /evil HTTP/1.1\r\n\r\n");
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_LENGTH);
    RIG_UNTIL(&rig, server_sees_end(fd));
    visit_close(&visit);
    close(fd);
}

Test(h1_request, less_than_was_announced_is_never_completed)
{
    struct visit visit;
    int fd = start(&visit, 10);
    visit_push(&visit, "abc");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_LENGTH);
    visit_close(&visit);
    close(fd);
}

Test(h1_request, a_broken_body_ends_the_connection)
{
    struct visit visit;
    int fd = start(&visit, HTTP_LENGTH_UNKNOWN);
    visit_push(&visit, "abc");
    server_read(&rig, fd, "abc\r\n");
    exchange_end_request(visit.exchange, PIPE_BROKEN);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_CLIENT_GONE);
    RIG_UNTIL(&rig, server_sees_end(fd));
    visit_close(&visit);
    close(fd);
}

/* Pushes pieces as long as the pipe has room. Returns how many bytes went in. */
static size_t push_all(struct visit *visit, size_t most)
{
    static char piece[16 * 1024];
    size_t pushed = 0;
    bool has_room = exchange_pipe_has_room(&visit->exchange->request_body);
    while (has_room && pushed < most) {
        struct chain bytes;
        chain_init(&bytes, &rig.loop.buffers);
        chain_append(&bytes, piece, sizeof(piece));
        has_room = exchange_push_request(visit->exchange, &bytes);
        pushed += sizeof(piece);
    }
    return pushed;
}

Test(h1_request, a_server_that_does_not_read_holds_the_client_up)
{
    struct visit visit;
    const size_t size = 16 * 1024 * 1024;
    int fd = start(&visit, (int64_t)size);
    size_t sent = 0;
    /* The kernel's buffers fill; then nothing moves any more. */
    for (unsigned quiet = 0; quiet < 20;) {
        size_t more = push_all(&visit, size - sent);
        quiet = more > 0 ? 0 : quiet + 1;
        sent += more;
        rig_turn(&rig);
        cr_assert_lt(rig.loop.buffers.held, 1024 * 1024);
    }
    cr_assert_lt(sent, size);
    /* As it reads, all arrives. */
    size_t got = 0;
    char *room = rig.loop.scratch;
    double end = rig_seconds() + 20;
    while (got < size) {
        cr_assert_lt(rig_seconds(), end);
        sent += push_all(&visit, size - sent);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        ssize_t len;
        while ((len = recv(fd, room, LOOP_SCRATCH, 0)) > 0)
            got += (size_t)len;
    }
    cr_assert_gt(visit.rooms, 0);
    exchange_end_request(visit.exchange, PIPE_ENDED);
    finish(&visit, fd);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(h1_request, an_early_answer_is_passed_on_at_once)
{
    struct visit visit;
    int fd = start(&visit, 1000000);
    visit_push(&visit, "abc");
    server_read(&rig, fd, "abc");
    server_send(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\nto");
    RIG_UNTIL(&rig, visit.responses == 1 && visit.body_len == 2);
    /* The response is not complete: what the client sends still goes on. */
    visit_push(&visit, "def");
    server_read(&rig, fd, "def");
    server_send(fd, "o b!");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.status, 413);
    cr_assert_str_eq(visit.body, "too b!");
    cr_assert(visit.exchange->request_body.discards);
    RIG_UNTIL(&rig, server_sees_end(fd));
    cr_assert_eq(backends_idle_count(rig.backends), 0);
    visit_push(&visit, "ghi");
    visit_close(&visit);
    close(fd);
}

Test(h1_request, an_answer_is_found_although_the_server_closed_while_we_wrote)
{
    struct visit visit;
    int fd = start(&visit, 100000000);
    server_read(&rig, fd, "\r\n\r\n");
    push_all(&visit, 64 * 1024);
    /* Closing with unread bytes makes the kernel reset the connection behind the answer. */
    rig_turn(&rig);
    server_send(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch");
    close(fd);
    for (unsigned i = 0; i < 50 && !visit.has_ended && visit.failures == 0; i++) {
        push_all(&visit, 64 * 1024);
        rig_turn(&rig);
    }
    cr_assert_eq(visit.failures, 0, "%s", error_text(visit.error));
    cr_assert(visit.has_ended);
    cr_assert_eq(visit.status, 413);
    cr_assert_str_eq(visit.body, "much");
    visit_close(&visit);
}

Test(h1_request, a_server_that_resets_while_we_write)
{
    struct visit visit;
    int fd = start(&visit, 100000000);
    server_read(&rig, fd, "\r\n\r\n");
    server_reset(fd);
    for (unsigned i = 0; i < 50 && visit.failures == 0; i++) {
        push_all(&visit, 64 * 1024);
        rig_turn(&rig);
    }
    cr_assert_eq(visit.failures, 1);
    cr_assert_eq(visit.error, ERROR_BACKEND_RESET);
    cr_assert_not(visit.untouched);
    visit_close(&visit);
}

Test(h1_request, continue_is_relayed_and_the_body_follows)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, 5);
    visit.exchange->forward.expects_continue = true;
    http_fields_add(&visit.exchange->forward.fields, SLICE("Expect"), SLICE("100-continue"));
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    RIG_UNTIL(&rig, visit.interims == 1);
    visit_push(&visit, "hello");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    server_read(&rig, fd, "hello");
    finish(&visit, fd);
    close(fd);
}
