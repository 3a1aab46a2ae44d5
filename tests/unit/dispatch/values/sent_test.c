/* SPDX-License-Identifier: MIT */
/* Variables of the response as it went to the client. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define PROXY "location / { proxy_pass http://127.0.0.1:9000; add_header X-Added 1 always; }"
#define SHOW                                                                                       \
    "$sent_http_x_added|$sent_http_x_own|$sent_http_content_length|$sent_http_transfer_encoding|"  \
    "$sent_http_connection|$request_completion"

static void open_proxy(struct rig *rig, const char *format)
{
    char text[1024];
    snprintf(text, sizeof text,
             "log_format f '%s'; access_log /l f; server { listen 10.0.0.1:80; " PROXY " }\n",
             format);
    rig_open(rig, text);
}

Test(sent_values, are_what_the_client_got)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nX-Own: a\r\nX-Own: b\r\nContent-Length: 2\r\n\r\n");
    rig_body(&rig, "ok", PIPE_ENDED);
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:1|a, b|2|-|keep-alive|OK\n");

    rig.lines_len = 0;
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    rig.exchange->is_last = true;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:1|-|-|chunked|close|\n", "it is not complete");
    rig_close(&rig);
}

Test(sent_values, of_no_answer_are_none)
{
    struct rig rig;
    open_proxy(&rig, SHOW "|$status");
    rig_get(&rig, "/", "");
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:-|-|-|-|-||000\n");
    rig_close(&rig);
}

/* The server's head has come, and waits, when the client leaves. */
Test(sent_values, of_a_response_that_was_never_begun_are_none)
{
    struct rig rig;
    open_proxy(&rig, SHOW);
    rig_get(&rig, "/", "");
    http_fields_add(&rig.exchange->response.fields, SLICE("X-Own"), SLICE("a"));
    rig.exchange->error = ERROR_CLIENT_GONE;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:-|-|-|-|-|\n");
    rig_close(&rig);
}
