/* SPDX-License-Identifier: MIT */
/* When another server is asked, and when it must not be. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
             "server { listen 10.0.0.1:80; location / { proxy_pass http://app; %s } }\n",
             inside);
    rig_open(rig, text);
}

/* One request whose first attempt fails: whether a second server is asked, and the status if not.
 */
struct failure {
    const char *next; /* proxy_next_upstream */
    const char *method;
    enum error error;
    bool untouched;
    bool retried;
    int status;
};

static void expect_failure(const struct failure *failure)
{
    struct rig rig;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", failure->next);
    open_with(&rig, failure->next[0] ? text : "");
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", failure->method);
    rig_send(&rig, text);
    rig_fail(&rig, failure->error, failure->untouched);
    cr_expect_eq(rig.starts, failure->retried ? 2 : 1, "%s %s %s: %u", failure->next,
                 failure->method, error_token(failure->error), rig.starts);
    cr_expect_eq(rig.seen.status, failure->retried ? 0 : failure->status, "%s %s %s: %d",
                 failure->next, failure->method, error_token(failure->error), rig.seen.status);
    rig_close(&rig);
}

Test(retry, failures)
{
    static const struct failure cases[] = {
        /* the default is `error timeout` */
        {"", "GET", ERROR_CONNECT, true, true, 0},
        {"", "GET", ERROR_CONNECT_TIMEOUT, true, true, 0},
        {"", "GET", ERROR_BACKEND_CLOSED, false, true, 0},
        {"", "GET", ERROR_BACKEND_RESET, false, true, 0},
        {"", "GET", ERROR_BACKEND_TRUNCATED, false, true, 0},
        {"", "GET", ERROR_READ_TIMEOUT, false, true, 0},
        {"", "GET", ERROR_WRITE_TIMEOUT, false, true, 0},
        {"", "HEAD", ERROR_BACKEND_CLOSED, false, true, 0},
        {"", "PUT", ERROR_BACKEND_CLOSED, false, true, 0},
        {"", "DELETE", ERROR_BACKEND_CLOSED, false, true, 0},
        {"", "GET", ERROR_RESPONSE, false, false, 502},
        {"", "GET", ERROR_RESPONSE_TOO_LARGE, false, false, 502},
        {"", "GET", ERROR_DESCRIPTORS, true, false, 503},
        {"", "PROPFIND", ERROR_BACKEND_RESET, false, true, 0},
        {"", "REPORT", ERROR_BACKEND_RESET, false, true, 0},
        {"", "QUERY", ERROR_BACKEND_RESET, false, true, 0},
        {"", "BREW", ERROR_READ_TIMEOUT, false, true, 0},
        /* what was not processed is always repeated */
        {"", "POST", ERROR_REFUSED, true, true, 0},
        {"", "POST", ERROR_RETIRED, true, true, 0},
        {"", "POST", ERROR_BACKEND_FULL, true, true, 0},
        {"off", "POST", ERROR_REFUSED, true, false, 502},
        {"off", "POST", ERROR_BACKEND_FULL, true, false, 503},
        /* what may have been acted on is not repeated */
        {"", "POST", ERROR_CONNECT, true, true, 0},
        {"", "POST", ERROR_BACKEND_CLOSED, false, false, 502},
        {"", "POST", ERROR_READ_TIMEOUT, false, false, 504},
        {"", "PATCH", ERROR_BACKEND_RESET, false, false, 502},
        {"", "LOCK", ERROR_BACKEND_RESET, false, false, 502},
        {"error non_idempotent", "POST", ERROR_BACKEND_CLOSED, false, true, 0},
        {"error non_idempotent", "POST", ERROR_READ_TIMEOUT, false, false, 504},
        /* flags */
        {"off", "GET", ERROR_CONNECT, true, false, 502},
        {"off", "GET", ERROR_READ_TIMEOUT, false, false, 504},
        {"error", "GET", ERROR_CONNECT_TIMEOUT, true, false, 504},
        {"timeout", "GET", ERROR_CONNECT, true, false, 502},
        {"timeout", "GET", ERROR_READ_TIMEOUT, false, true, 0},
        {"invalid_header", "GET", ERROR_RESPONSE, false, true, 0},
        {"invalid_header", "GET", ERROR_RESPONSE_TOO_LARGE, false, true, 0},
        {"invalid_header", "POST", ERROR_RESPONSE, false, false, 502},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_failure(&cases[i]);
}

Test(retry, last_failure_is_told)
{
    struct rig rig;
    open_with(&rig, "");
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_CONNECT, true);
    rig_fail(&rig, ERROR_READ_TIMEOUT, false);
    cr_expect_eq(rig.starts, 2);
    cr_expect_eq(rig.seen.status, 504);
    cr_expect_str_eq(rig_body_text(&rig), "504 Gateway Timeout\n");
    cr_expect_eq(rig.exchange->error, ERROR_READ_TIMEOUT);
    rig_close(&rig);
}

Test(retry, nothing_to_start_with)
{
    struct rig rig;
    open_with(&rig, "");
    rig.start_error = ERROR_NO_ENDPOINT;
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 502);
    rig.start_error = ERROR_DESCRIPTORS;
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 503);
    rig_close(&rig);
}

/* A request with a body that the first attempt has taken. */
static void expect_taken_body(const char *next, const char *method, enum error error,
                              bool untouched, bool repeated)
{
    struct rig rig;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", next);
    open_with(&rig, text);
    rig.takes = true;
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
             method);
    rig_send(&rig, text);
    cr_assert_eq(rig.taken.len, 4);
    rig_fail(&rig, error, untouched);
    cr_expect_eq(rig.starts, repeated ? 2 : 1, "%s %s", method, error_token(error));
    cr_expect_eq(rig.taken.len, repeated ? 8 : 4, "%s %s", method, error_token(error));
    cr_expect_eq(rig.seen.status, repeated ? 0 : 502);
    rig_close(&rig);
}

Test(retry, body_that_was_taken_goes_to_the_next)
{
    expect_taken_body("error", "PUT", ERROR_BACKEND_CLOSED, false, true);
    expect_taken_body("error", "DELETE", ERROR_BACKEND_TRUNCATED, false, true);
    expect_taken_body("error", "PROPFIND", ERROR_BACKEND_CLOSED, false, true);
    expect_taken_body("error", "POST", ERROR_BACKEND_CLOSED, false, false);
    expect_taken_body("error", "PATCH", ERROR_BACKEND_CLOSED, false, false);
    expect_taken_body("error", "LOCK", ERROR_BACKEND_CLOSED, false, false);
    expect_taken_body("error non_idempotent", "POST", ERROR_BACKEND_CLOSED, false, true);
    expect_taken_body("error", "POST", ERROR_REFUSED, true, true);
    expect_taken_body("error", "POST", ERROR_RETIRED, true, true);
    expect_taken_body("error", "POST", ERROR_RETIRED, false, false);
    expect_taken_body("off", "PUT", ERROR_BACKEND_CLOSED, false, false);
}

Test(retry, body_that_is_not_kept_is_not_repeated)
{
    struct rig rig;
    open_with(&rig, "");
    rig.takes = true;
    rig.allowance.most = 0;
    rig_send(&rig, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    rig_fail(&rig, ERROR_BACKEND_CLOSED, false);
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(rig.seen.status, 502);
    rig_close(&rig);
}

Test(retry, status_of_a_request_with_a_body)
{
    struct rig rig;
    open_with(&rig, "proxy_next_upstream http_503;");
    rig.takes = true;
    rig_send(&rig, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    rig_answer(&rig, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.starts, 2);
    cr_expect_eq(rig.taken.len, 8);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect_eq(rig.allowance.held, 0, "with the response all is given back");
    rig_close(&rig);
}

Test(retry, body_that_comes_needs_no_100)
{
    struct rig rig;
    open_with(&rig, "");
    rig_send(&rig, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                   "Expect: 100-continue\r\nX-A: b\r\n\r\n");
    cr_expect_str_eq(rig_forwarded(&rig, "expect"), "100-continue");
    rig_close(&rig);
    open_with(&rig, "");
    rig_send(&rig, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                   "Expect: 100-continue\r\nX-A: b\r\n\r\nbody");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect_eq(rig.starts, 2);
    cr_expect_str_eq(rig_forwarded(&rig, "expect"), "");
    cr_expect_str_eq(rig_forwarded(&rig, "x-a"), "b");
    rig_close(&rig);
}

Test(retry, a_refusal_prefers_another_server)
{
    struct rig rig;
    open_with(&rig, "");
    rig.has_kept[0] = rig.has_kept[1] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_REFUSED, true);
    cr_expect_eq(rig.last, 1);
    cr_expect_eq(rig.forgiven, 0);
    rig_fail(&rig, ERROR_REFUSED, true);
    cr_expect_eq(rig.last, 1, "there is no other");
    cr_expect_eq(rig.forgiven, 1);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    rig_close(&rig);
}

Test(retry, body_that_waits_goes_to_the_next)
{
    struct rig rig;
    open_with(&rig, "");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect_eq(rig.starts, 2);
    exchange_take_request(rig.exchange, &rig.taken, 100);
    cr_expect_eq(rig.taken.len, 4);
    cr_expect(exchange_pipe_is_done(&rig.exchange->request_body));
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    rig_close(&rig);
}

Test(retry, client_that_left_gets_no_answer)
{
    struct rig rig;
    open_with(&rig, "");
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_CLIENT_GONE, true);
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(rig.seen.responses, 0);
    cr_expect_eq(rig.seen.end, PIPE_BROKEN);
    rig_close(&rig);
}

/* ---- kept connections that had died ---- */

Test(retry, kept_connection_is_replaced_by_a_fresh_one)
{
    struct rig rig;
    open_with(&rig, "proxy_next_upstream off;");
    rig.endpoints = 1;
    rig.has_kept[0] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_RETIRED, false);
    cr_expect_eq(rig.forgiven, 1);
    cr_expect_eq(rig.starts, 2);
    cr_expect_eq(rig.seen.status, 0);
    rig_fail(&rig, ERROR_BACKEND_CLOSED, false);
    cr_expect_eq(rig.starts, 2, "a fresh one that ends says it all");
    cr_expect_eq(rig.seen.status, 502);
    rig_close(&rig);
}

Test(retry, kept_connection_and_a_post)
{
    struct rig rig;
    open_with(&rig, "");
    rig.endpoints = 1;
    rig.has_kept[0] = true;
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    rig_fail(&rig, ERROR_RETIRED, false);
    cr_expect_eq(rig.starts, 1, "it may have been acted on");
    cr_expect_eq(rig.seen.status, 502);
    rig.starts = 0;
    rig.has_kept[0] = true;
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    rig_fail(&rig, ERROR_RETIRED, true);
    cr_expect_eq(rig.starts, 2, "nothing of it had left");
    rig_close(&rig);
}

Test(retry, every_server_may_have_a_dead_kept_connection)
{
    struct rig rig;
    open_with(&rig, "");
    rig.has_kept[0] = rig.has_kept[1] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_RETIRED, false); /* the first's kept one */
    rig_fail(&rig, ERROR_CONNECT, true);  /* a fresh one to it */
    cr_expect_eq(rig.last, 1);
    rig_fail(&rig, ERROR_RETIRED, false); /* the second's kept one */
    cr_expect_eq(rig.last, 1);
    cr_expect_eq(rig.starts, 4);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    rig_close(&rig);
}

Test(retry, kept_connection_that_times_out_is_no_dead_one)
{
    struct rig rig;
    open_with(&rig, "proxy_next_upstream off;");
    rig.has_kept[0] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_READ_TIMEOUT, false);
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(rig.seen.status, 504);
    rig_close(&rig);
}

/* ---- statuses ---- */

static void expect_status(const char *next, const char *method, int status, bool retried)
{
    struct rig rig;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", next);
    open_with(&rig, text);
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", method);
    rig_send(&rig, text);
    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nX-From: first\r\nContent-Length: 0\r\n\r\n",
             status);
    rig_answer(&rig, text);
    cr_expect_eq(rig.starts, retried ? 2 : 1, "%s %s %d", next, method, status);
    cr_expect_eq(rig.aborts, retried ? 1 : 0);
    cr_expect_eq(rig.seen.status, retried ? 0 : status);
    if (retried) {
        rig_answer(&rig, "HTTP/1.1 200 OK\r\nX-From: second\r\nContent-Length: 0\r\n\r\n");
        cr_expect_eq(rig.seen.status, 200);
        cr_expect_str_eq(rig_returned(&rig, "x-from"), "second");
    }
    rig_close(&rig);
}

Test(retry, statuses)
{
    expect_status("error", "GET", 503, false);
    expect_status("http_503", "GET", 503, true);
    expect_status("http_503", "GET", 502, false);
    expect_status("http_500 http_502 http_504", "GET", 504, true);
    expect_status("http_403 http_404 http_429", "GET", 403, true);
    expect_status("http_403 http_404 http_429", "GET", 404, true);
    expect_status("http_403 http_404 http_429", "GET", 429, true);
    expect_status("http_503", "POST", 503, false);
    expect_status("http_503 non_idempotent", "POST", 503, true);
}

Test(retry, last_answer_is_passed_on)
{
    struct rig rig;
    open_with(&rig, "proxy_next_upstream http_503 http_404;");
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.failures, 1);
    rig_answer(&rig, "HTTP/1.1 503 X\r\nX-Last: yes\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.failures, 2);
    cr_expect_eq(rig.seen.status, 503);
    cr_expect_str_eq(rig_returned(&rig, "x-last"), "yes");
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(rig.failures, 2, "404 is no failure of the server");
    rig_close(&rig);
}

Test(retry, unwanted_switch_is_a_bad_answer)
{
    struct rig rig;
    open_with(&rig, "");
    rig_get(&rig, "/", "");
    rig.exchange->response = (struct http_response){.status = 101};
    http_fields_init(&rig.exchange->response.fields, &rig.exchange->arena);
    exchange_respond(rig.exchange);
    cr_expect_eq(rig.aborts, 1);
    cr_expect_eq(rig.seen.status, 502);
    cr_expect_not(rig.exchange->is_tunnel);
    rig_close(&rig);
}
