/* SPDX-License-Identifier: MIT */
/* Variables of attempts: lists over retries, as nginx has them, once the exchange is over. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SHOW                                                                                       \
    "$upstream_addr|$upstream_status|$upstream_connect_time|$upstream_header_time|"                \
    "$upstream_response_time|$upstream_bytes_sent|$upstream_bytes_received|"                       \
    "$upstream_response_length"

static void open_proxy(struct rig *rig, const char *format)
{
    char text[1024];
    snprintf(text, sizeof text,
             "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
             "log_format f '%s'; access_log /l f; server { listen 10.0.0.1:80; location / {\n"
             "  proxy_pass http://app; proxy_next_upstream error timeout http_503; } }\n",
             format);
    rig_open(rig, text);
}

Test(upstream_values, of_one_attempt)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig_get(&rig, "/", "");
    exchange_begin_attempt(rig.exchange);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    rig_body(&rig, "ok", PIPE_ENDED);
    exchange_end_attempt(rig.exchange, 70, 90);
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:127.0.0.1:9000|200|0.000|0.000|0.000|70|90|2\n");
    rig_close(&rig);
}

Test(upstream_values, of_several)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_CONNECT, true);
    exchange_begin_attempt(rig.exchange);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    rig_body(&rig, "ok", PIPE_ENDED);
    exchange_end_attempt(rig.exchange, 70, 90);
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:127.0.0.1:9000, 127.0.0.1:9001|502, 200|-, 0.000|-, 0.000|"
                                "0.000, 0.000|0, 70|0, 90|0, 2\n");
    rig_close(&rig);
}

Test(upstream_values, of_an_answer_that_was_not_wanted)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig_get(&rig, "/", "");
    exchange_begin_attempt(rig.exchange);
    rig_answer(&rig, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(rig.starts, 2);
    rig.exchange->error = ERROR_CLIENT_GONE;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:127.0.0.1:9000, 127.0.0.1:9001|503, -|0.000, -|0.000, -|"
                                "0.000, 0.000|0, 0|0, 0|0, 0\n");
    rig_close(&rig);
}

Test(upstream_values, without_a_server_have_the_upstreams_name)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig.start_error = ERROR_NO_ENDPOINT;
    rig_get(&rig, "/", "");
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:app|502|-|-|0.000|0|0|0\n");
    rig_close(&rig);
}

Test(upstream_values, are_none_when_none_is_asked)
{
    struct rig rig;
    rig_open(&rig, "log_format f '" SHOW "|$upstream_http_x'; access_log /l f;\n"
                   "server { listen 10.0.0.1:80; return 204; }\n");
    rig_get(&rig, "/", "");
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:-|-|-|-|-|-|-|-|-\n");
    rig_close(&rig);
}

/* Hidden or not. */
Test(upstream_values, fields_are_as_the_server_sent_them)
{
    struct rig rig;
    rig_open(&rig, "log_format f '$upstream_http_x_hidden|$upstream_http_x_many|"
                   "$upstream_http_content_length|$upstream_http_none|$sent_http_x_hidden';\n"
                   "access_log /l f; server { listen 10.0.0.1:80; location / {\n"
                   "  proxy_pass http://127.0.0.1:9000; proxy_hide_header X-Hidden; } }\n");
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nX-Hidden: h\r\nX-Many: a\r\nX-Many: b\r\n"
                     "Content-Length: 2\r\n\r\n");
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:h|a, b|2|-|-\n");
    rig_close(&rig);
}
