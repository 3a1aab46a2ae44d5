/* SPDX-License-Identifier: MIT */
/* What the error log says, and what the client is not told. */
#include "rig.h"

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

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
             "server { listen 10.0.0.1:80; location /x { proxy_pass http://app; %s } }\n",
             inside);
    rig_open(rig, text);
}

Test(report, backend_failures_are_errors)
{
    struct rig rig;
    open_log(LOG_LEVEL_ERROR);
    open_with(&rig, "proxy_next_upstream off;");
    rig_get(&rig, "/x", "");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "[error]"), "%s", logged());
    cr_expect(strstr(logged(), "tenant acme: GET /x: 502 connect: cannot connect to the backend "
                               "(backend 127.0.0.1:9000, client 192.0.2.1)\n"),
              "%s", logged());
    cr_expect_null(strstr(rig_body_text(&rig), "9000"));
    rig_close(&rig);
}

Test(report, reasons_are_told)
{
    struct rig rig;
    open_log(LOG_LEVEL_WARN);
    open_with(&rig, "");
    rig_get(&rig, "/x", "");
    rig.exchange->reason = SLICE("certificate has expired");
    rig_fail(&rig, ERROR_BACKEND_TLS, true);
    cr_expect(strstr(logged(), "502 backend_tls: the TLS handshake with the backend failed: "
                               "certificate has expired, trying the next (backend 127.0.0.1:9000"),
              "%s", logged());
    rig.exchange->reason = SLICE("certificate is not yet valid");
    rig_fail(&rig, ERROR_BACKEND_TLS, true);
    cr_expect(strstr(logged(), "failed: certificate is not yet valid (backend 127.0.0.1:9001"),
              "%s", logged());
    cr_expect_null(strstr(rig_body_text(&rig), "certificate"));
    rig_close(&rig);
}

Test(report, why_connecting_failed_is_told)
{
    struct rig rig;
    open_log(LOG_LEVEL_WARN);
    open_with(&rig, "");
    rig_get(&rig, "/x", "");
    rig.exchange->reason = SLICE("111: Connection refused");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "cannot connect to the backend: 111: Connection refused, trying"),
              "%s", logged());
    rig.exchange->reason = SLICE("113: No route to host");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "502 connect: cannot connect to the backend: 113: No route to "
                               "host (backend "),
              "%s", logged());
    rig_close(&rig);
}

Test(report, retries_are_warnings)
{
    struct rig rig;
    open_log(LOG_LEVEL_WARN);
    open_with(&rig, "");
    rig_get(&rig, "/x", "");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect(strstr(logged(), "[warn]"), "%s", logged());
    cr_expect(strstr(logged(), "trying the next (backend 127.0.0.1:9000"), "%s", logged());
    rig_close(&rig);
}

Test(report, repetitions_are_information)
{
    struct rig rig;
    open_log(LOG_LEVEL_INFO);
    open_with(&rig, "");
    rig.has_kept[0] = true;
    rig_get(&rig, "/x", "");
    rig_fail(&rig, ERROR_RETIRED, true);
    cr_expect(strstr(logged(), "[info]"), "%s", logged());
    cr_expect(strstr(logged(),
                     "GET /x: retired: the backend had retired the connection, sending it "
                     "again (backend 127.0.0.1:9000, client 192.0.2.1)"),
              "%s", logged());
    rig_close(&rig);
}

Test(report, client_mistakes_are_information)
{
    struct rig rig;
    open_log(LOG_LEVEL_NOTICE);
    open_with(&rig, "");
    rig_get(&rig, "/nowhere", "");
    cr_expect_str_eq(logged(), "");
    log_set_level(LOG_LEVEL_INFO);
    rig_get(&rig, "/nowhere", "");
    cr_expect(strstr(logged(), "tenant acme: GET /nowhere: 404 not_found"), "%s", logged());
    rig_close(&rig);
}

Test(report, requests_that_were_not_understood)
{
    struct rig rig;
    open_log(LOG_LEVEL_INFO);
    open_with(&rig, "");
    rig_get(&rig, "/nowhere", "");
    const struct exchange_front *ops = rig.exchange->front_ops;
    rig_end(&rig);
    rig.exchange = exchange_new(&rig.pool, ops, &rig, &rig.client);
    dispatch_refuse(rig.exchange, ERROR_REQUEST_LINE);
    cr_expect(strstr(logged(), "client: 400 request_line: malformed request line "
                               "(client 192.0.2.1)\n"),
              "%s", logged());
    rig_close(&rig);
}

Test(report, cut_responses_say_so)
{
    struct rig rig;
    open_log(LOG_LEVEL_ERROR);
    open_with(&rig, "");
    rig_get(&rig, "/x", "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
    rig_fail(&rig, ERROR_BACKEND_RESET, false);
    cr_expect(strstr(logged(), "GET /x: 200 backend_reset: the backend reset the connection, after "
                               "the response began"),
              "%s", logged());
    rig_close(&rig);
}

Test(report, long_targets_are_cut)
{
    struct rig rig;
    char target[2001] = "/x";
    open_log(LOG_LEVEL_ERROR);
    open_with(&rig, "proxy_next_upstream off;");
    memset(target + 2, 'y', sizeof target - 3);
    rig_get(&rig, target, "");
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect_lt(strlen(logged()), 600);
    cr_expect(strstr(logged(), ": 502 connect"), "%s", logged());
    rig_close(&rig);
}

Test(report, ends_are_told_at_debug)
{
    struct rig rig;
    open_log(LOG_LEVEL_DEBUG);
    open_with(&rig, "");
    rig_get(&rig, "/x", "");
    rig_answer(&rig, "HTTP/1.1 204 No Content\r\n\r\n");
    rig_end(&rig);
    cr_expect(strstr(logged(), "tenant acme: GET /x: 204, 0 bytes in 0.000 s (client 192.0.2.1)"),
              "%s", logged());
    rig_close(&rig);
}
