/* SPDX-License-Identifier: MIT */
/* What the error log says, and what the client is not told. */
#include "fixture.h"

#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int log_fd;
static char log_text[8192];

static void open_log(enum log_level level)
{
    log_fd = memfd_create("log", MFD_CLOEXEC);
    log_set_sink(LOG_SINK_FILE, log_fd);
    log_set_level(level);
}

static const char *logged(void)
{
    ssize_t len = pread(log_fd, log_text, sizeof log_text - 1, 0);
    log_text[len > 0 ? len : 0] = '\0';
    return log_text;
}

static void open_with(struct gate *gate, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
             "server { listen 10.0.0.1:80; location /x { proxy_pass http://app; %s } }\n",
             inside);
    gate_open(gate, text);
}

Test(report, backend_failures_are_errors)
{
    struct gate gate;
    open_log(LOG_LEVEL_ERROR);
    open_with(&gate, "proxy_next_upstream off;");
    gate_get(&gate, "/x", "");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "[error]"), "%s", logged());
    cr_expect(strstr(logged(), "tenant acme: GET /x: 502 connect: cannot connect to the backend "
                               "(backend 127.0.0.1:9000, client 192.0.2.1)\n"),
              "%s", logged());
    cr_expect_null(strstr(gate_body_text(&gate), "9000"));
    gate_close(&gate);
}

Test(report, reasons_are_told)
{
    struct gate gate;
    open_log(LOG_LEVEL_WARN);
    open_with(&gate, "");
    gate_get(&gate, "/x", "");
    gate.exchange->reason = SLICE("certificate has expired");
    gate_fail(&gate, ERROR_BACKEND_TLS, true);
    cr_expect(strstr(logged(), "502 backend_tls: the TLS handshake with the backend failed: "
                               "certificate has expired, trying the next (backend 127.0.0.1:9000"),
              "%s", logged());
    gate.exchange->reason = SLICE("certificate is not yet valid");
    gate_fail(&gate, ERROR_BACKEND_TLS, true);
    cr_expect(strstr(logged(), "failed: certificate is not yet valid (backend 127.0.0.1:9001"),
              "%s", logged());
    cr_expect_null(strstr(gate_body_text(&gate), "certificate"));
    gate_close(&gate);
}

Test(report, why_connecting_failed_is_told)
{
    struct gate gate;
    open_log(LOG_LEVEL_WARN);
    open_with(&gate, "");
    gate_get(&gate, "/x", "");
    gate.exchange->reason = SLICE("111: Connection refused");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "cannot connect to the backend: 111: Connection refused, trying"),
              "%s", logged());
    gate.exchange->reason = SLICE("113: No route to host");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "502 connect: cannot connect to the backend: 113: No route to "
                               "host (backend "),
              "%s", logged());
    gate_close(&gate);
}

Test(report, retries_are_warnings)
{
    struct gate gate;
    open_log(LOG_LEVEL_WARN);
    open_with(&gate, "");
    gate_get(&gate, "/x", "");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "[warn]"), "%s", logged());
    cr_expect(strstr(logged(), "trying the next (backend 127.0.0.1:9000"), "%s", logged());
    gate_close(&gate);
}

Test(report, repetitions_are_information)
{
    struct gate gate;
    open_log(LOG_LEVEL_INFO);
    open_with(&gate, "");
    gate.has_kept[0] = true;
    gate_get(&gate, "/x", "");
    gate_fail(&gate, ERROR_RETIRED, true);
    cr_expect(strstr(logged(), "[info]"), "%s", logged());
    cr_expect(strstr(logged(),
                     "GET /x: retired: the backend had retired the connection, sending it "
                     "again (backend 127.0.0.1:9000, client 192.0.2.1)"),
              "%s", logged());
    gate_close(&gate);
}

Test(report, client_mistakes_are_information)
{
    struct gate gate;
    open_log(LOG_LEVEL_NOTICE);
    open_with(&gate, "");
    gate_get(&gate, "/nowhere", "");
    cr_expect_str_eq(logged(), "");
    log_set_level(LOG_LEVEL_INFO);
    gate_get(&gate, "/nowhere", "");
    cr_expect(strstr(logged(), "tenant acme: GET /nowhere: 404 not_found"), "%s", logged());
    gate_close(&gate);
}

Test(report, requests_that_were_not_understood)
{
    struct gate gate;
    open_log(LOG_LEVEL_INFO);
    open_with(&gate, "");
    gate_get(&gate, "/nowhere", "");
    const struct exchange_front *ops = gate.exchange->front_ops;
    gate_end(&gate);
    gate.exchange = exchange_new(&gate.pool, ops, &gate, &gate.client);
    dispatch_refuse(gate.exchange, ERROR_REQUEST_LINE);
    cr_expect(strstr(logged(), "client: 400 request_line: malformed request line "
                               "(client 192.0.2.1)\n"),
              "%s", logged());
    gate_close(&gate);
}

Test(report, cut_responses_say_so)
{
    struct gate gate;
    open_log(LOG_LEVEL_ERROR);
    open_with(&gate, "");
    gate_get(&gate, "/x", "");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    gate_fail(&gate, ERROR_BACKEND_RESET, false);
    cr_expect(strstr(logged(), "GET /x: 200 backend_reset: the backend reset the connection, after "
                               "the response began"),
              "%s", logged());
    gate_close(&gate);
}

Test(report, long_targets_are_cut)
{
    struct gate gate;
    char target[2001] = "/x";
    open_log(LOG_LEVEL_ERROR);
    open_with(&gate, "proxy_next_upstream off;");
    memset(target + 2, 'y', sizeof target - 3);
    gate_get(&gate, target, "");
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect_lt(strlen(logged()), 600);
    cr_expect(strstr(logged(), ": 502 connect"), "%s", logged());
    gate_close(&gate);
}

Test(report, ends_are_told_at_debug)
{
    struct gate gate;
    open_log(LOG_LEVEL_DEBUG);
    open_with(&gate, "");
    gate_get(&gate, "/x", "");
    gate_answer(&gate, "HTTP/1.1 204 No Content\r\n\r\n");
    gate_end(&gate);
    cr_expect(strstr(logged(), "tenant acme: GET /x: 204, 0 bytes in 0.000 s (client 192.0.2.1)"),
              "%s", logged());
    gate_close(&gate);
}
