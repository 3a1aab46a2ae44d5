/* SPDX-License-Identifier: MIT */
/* What is sent to backends, and what they answer. */
#include "rig.h"

#include <criterion/criterion.h>

static const char proxied[] = "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                              "server { listen 10.0.0.1:80; server_name acme.test;\n"
                              "  client_max_body_size 10;\n"
                              "  location / { proxy_pass http://app; client_max_body_size 100; }\n"
                              "  location /here { return 200 \"ok\\n\"; }\n"
                              "}\n";

Test(proxy, forwards_and_returns)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/a?b=c", "");
    cr_assert_eq(rig.starts, 1);
    cr_assert_str_eq(text_of(rig.exchange->forward.target), "/a?b=c");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Own: yes\r\n\r\n");
    rig_body(&rig, "hello", PIPE_ENDED);
    cr_assert_eq(rig.seen.status, 200);
    cr_assert_eq(rig.seen.response.content_length, 5);
    cr_assert_str_eq(rig_returned(&rig, "x-own"), "yes");
    cr_assert_str_eq(rig_body_text(&rig), "hello");
    cr_assert_eq(rig.seen.end, PIPE_ENDED);
    rig_close(&rig);
}

Test(proxy, passes_interims_and_then_the_answer)
{
    struct rig rig;
    rig_open(&rig, proxied);
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: y\r\n\r\n");
    cr_assert_eq(rig.seen.interims, 1);
    cr_assert_eq(rig.seen.interim_status, 103);
    cr_assert_str_eq(rig_returned(&rig, "link"), "</a.css>");
    cr_assert_str_eq(rig_returned(&rig, "x"), "", "named by Connection");
    rig_answer(&rig, "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_eq(rig.seen.responses, 1);
    cr_assert_eq(rig.seen.status, 204);
    rig_close(&rig);
}
