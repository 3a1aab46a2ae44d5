/* SPDX-License-Identifier: MIT */
/* When another server is asked, and when it must not be. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct gate *gate, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
             "server { listen 10.0.0.1:80; location / { proxy_pass http://app; %s } }\n",
             inside);
    gate_open(gate, text);
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
    struct gate gate;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", failure->next);
    open_with(&gate, failure->next[0] ? text : "");
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", failure->method);
    gate_send(&gate, text);
    gate_fail(&gate, failure->error, failure->untouched);
    cr_expect_eq(gate.starts, failure->retried ? 2 : 1, "%s %s %s: %u", failure->next,
                 failure->method, error_token(failure->error), gate.starts);
    cr_expect_eq(gate.seen.status, failure->retried ? 0 : failure->status, "%s %s %s: %d",
                 failure->next, failure->method, error_token(failure->error), gate.seen.status);
    gate_close(&gate);
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
    struct gate gate;
    open_with(&gate, "");
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_CONNECT, true);
    gate_fail(&gate, ERROR_READ_TIMEOUT, false);
    cr_expect_eq(gate.starts, 2);
    cr_expect_eq(gate.seen.status, 504);
    cr_expect_str_eq(gate_body_text(&gate), "504 Gateway Timeout\n");
    cr_expect_eq(gate.exchange->error, ERROR_READ_TIMEOUT);
    gate_close(&gate);
}

Test(retry, nothing_to_start_with)
{
    struct gate gate;
    open_with(&gate, "");
    gate.start_error = ERROR_NO_ENDPOINT;
    gate_get(&gate, "/", "");
    cr_expect_eq(gate.seen.status, 502);
    gate.start_error = ERROR_DESCRIPTORS;
    gate_get(&gate, "/", "");
    cr_expect_eq(gate.seen.status, 503);
    gate_close(&gate);
}

/* A request with a body that the first attempt has taken. */
static void expect_taken_body(const char *next, const char *method, enum error error,
                              bool untouched, bool repeated)
{
    struct gate gate;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", next);
    open_with(&gate, text);
    gate.takes = true;
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
             method);
    gate_send(&gate, text);
    cr_assert_eq(gate.taken.len, 4);
    gate_fail(&gate, error, untouched);
    cr_expect_eq(gate.starts, repeated ? 2 : 1, "%s %s", method, error_token(error));
    cr_expect_eq(gate.taken.len, repeated ? 8 : 4, "%s %s", method, error_token(error));
    cr_expect_eq(gate.seen.status, repeated ? 0 : 502);
    gate_close(&gate);
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
    struct gate gate;
    open_with(&gate, "");
    gate.takes = true;
    gate.allowance.most = 0;
    gate_send(&gate, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    gate_fail(&gate, ERROR_BACKEND_CLOSED, false);
    cr_expect_eq(gate.starts, 1);
    cr_expect_eq(gate.seen.status, 502);
    gate_close(&gate);
}

Test(retry, status_of_a_request_with_a_body)
{
    struct gate gate;
    open_with(&gate, "proxy_next_upstream http_503;");
    gate.takes = true;
    gate_send(&gate, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    gate_answer(&gate, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.starts, 2);
    cr_expect_eq(gate.taken.len, 8);
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    cr_expect_eq(gate.allowance.held, 0, "with the response all is given back");
    gate_close(&gate);
}

Test(retry, body_that_comes_needs_no_100)
{
    struct gate gate;
    open_with(&gate, "");
    gate_send(&gate, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                     "Expect: 100-continue\r\nX-A: b\r\n\r\n");
    cr_expect_str_eq(gate_forwarded(&gate, "expect"), "100-continue");
    gate_close(&gate);
    open_with(&gate, "");
    gate_send(&gate, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                     "Expect: 100-continue\r\nX-A: b\r\n\r\nbody");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect_eq(gate.starts, 2);
    cr_expect_str_eq(gate_forwarded(&gate, "expect"), "");
    cr_expect_str_eq(gate_forwarded(&gate, "x-a"), "b");
    gate_close(&gate);
}

Test(retry, a_refusal_prefers_another_server)
{
    struct gate gate;
    open_with(&gate, "");
    gate.has_kept[0] = gate.has_kept[1] = true;
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_REFUSED, true);
    cr_expect_eq(gate.last, 1);
    cr_expect_eq(gate.forgiven, 0);
    gate_fail(&gate, ERROR_REFUSED, true);
    cr_expect_eq(gate.last, 1, "there is no other");
    cr_expect_eq(gate.forgiven, 1);
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    gate_close(&gate);
}

Test(retry, body_that_waits_goes_to_the_next)
{
    struct gate gate;
    open_with(&gate, "");
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect_eq(gate.starts, 2);
    exchange_take_request(gate.exchange, &gate.taken, 100);
    cr_expect_eq(gate.taken.len, 4);
    cr_expect(exchange_pipe_is_done(&gate.exchange->request_body));
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    gate_close(&gate);
}

Test(retry, client_that_left_gets_no_answer)
{
    struct gate gate;
    open_with(&gate, "");
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_CLIENT_GONE, true);
    cr_expect_eq(gate.starts, 1);
    cr_expect_eq(gate.seen.responses, 0);
    cr_expect_eq(gate.seen.end, PIPE_BROKEN);
    gate_close(&gate);
}

/* ---- kept connections that had died ---- */

Test(retry, kept_connection_is_replaced_by_a_fresh_one)
{
    struct gate gate;
    open_with(&gate, "proxy_next_upstream off;");
    gate.endpoints = 1;
    gate.has_kept[0] = true;
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_RETIRED, false);
    cr_expect_eq(gate.forgiven, 1);
    cr_expect_eq(gate.starts, 2);
    cr_expect_eq(gate.seen.status, 0);
    gate_fail(&gate, ERROR_BACKEND_CLOSED, false);
    cr_expect_eq(gate.starts, 2, "a fresh one that ends says it all");
    cr_expect_eq(gate.seen.status, 502);
    gate_close(&gate);
}

Test(retry, kept_connection_and_a_post)
{
    struct gate gate;
    open_with(&gate, "");
    gate.endpoints = 1;
    gate.has_kept[0] = true;
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    gate_fail(&gate, ERROR_RETIRED, false);
    cr_expect_eq(gate.starts, 1, "it may have been acted on");
    cr_expect_eq(gate.seen.status, 502);
    gate.starts = 0;
    gate.has_kept[0] = true;
    gate_send(&gate, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    gate_fail(&gate, ERROR_RETIRED, true);
    cr_expect_eq(gate.starts, 2, "nothing of it had left");
    gate_close(&gate);
}

Test(retry, every_server_may_have_a_dead_kept_connection)
{
    struct gate gate;
    open_with(&gate, "");
    gate.has_kept[0] = gate.has_kept[1] = true;
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_RETIRED, false); /* the first's kept one */
    gate_fail(&gate, ERROR_CONNECT, true);  /* a fresh one to it */
    cr_expect_eq(gate.last, 1);
    gate_fail(&gate, ERROR_RETIRED, false); /* the second's kept one */
    cr_expect_eq(gate.last, 1);
    cr_expect_eq(gate.starts, 4);
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    gate_close(&gate);
}

Test(retry, kept_connection_that_times_out_is_no_dead_one)
{
    struct gate gate;
    open_with(&gate, "proxy_next_upstream off;");
    gate.has_kept[0] = true;
    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_READ_TIMEOUT, false);
    cr_expect_eq(gate.starts, 1);
    cr_expect_eq(gate.seen.status, 504);
    gate_close(&gate);
}

/* ---- statuses ---- */

static void expect_status(const char *next, const char *method, int status, bool retried)
{
    struct gate gate;
    char text[256];
    snprintf(text, sizeof text, "proxy_next_upstream %s;", next);
    open_with(&gate, text);
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", method);
    gate_send(&gate, text);
    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nX-From: first\r\nContent-Length: 0\r\n\r\n",
             status);
    gate_answer(&gate, text);
    cr_expect_eq(gate.starts, retried ? 2 : 1, "%s %s %d", next, method, status);
    cr_expect_eq(gate.aborts, retried ? 1 : 0);
    cr_expect_eq(gate.seen.status, retried ? 0 : status);
    if (retried) {
        gate_answer(&gate, "HTTP/1.1 200 OK\r\nX-From: second\r\nContent-Length: 0\r\n\r\n");
        cr_expect_eq(gate.seen.status, 200);
        cr_expect_str_eq(gate_returned(&gate, "x-from"), "second");
    }
    gate_close(&gate);
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
    struct gate gate;
    open_with(&gate, "proxy_next_upstream http_503 http_404;");
    gate_get(&gate, "/", "");
    gate_answer(&gate, "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.failures, 1);
    gate_answer(&gate, "HTTP/1.1 503 X\r\nX-Last: yes\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.failures, 2);
    cr_expect_eq(gate.seen.status, 503);
    cr_expect_str_eq(gate_returned(&gate, "x-last"), "yes");
    gate_get(&gate, "/", "");
    gate_answer(&gate, "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(gate.failures, 2, "404 is no failure of the server");
    gate_close(&gate);
}

Test(retry, unwanted_switch_is_a_bad_answer)
{
    struct gate gate;
    open_with(&gate, "");
    gate_get(&gate, "/", "");
    gate.exchange->response = (struct http_response){.status = 101};
    http_fields_init(&gate.exchange->response.fields, &gate.exchange->arena);
    exchange_respond(gate.exchange);
    cr_expect_eq(gate.aborts, 1);
    cr_expect_eq(gate.seen.status, 502);
    cr_expect_not(gate.exchange->is_tunnel);
    gate_close(&gate);
}
