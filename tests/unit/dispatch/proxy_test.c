/* SPDX-License-Identifier: MIT */
/* What is sent to backends, and what they answer. */
#include "fixture.h"

#include <criterion/criterion.h>

static const char proxied[] = "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                              "server { listen 10.0.0.1:80; server_name acme.test;\n"
                              "  client_max_body_size 10;\n"
                              "  location / { proxy_pass http://app; client_max_body_size 100; }\n"
                              "  location /here { return 200 \"ok\\n\"; }\n"
                              "}\n";

Test(proxy, forwards_and_returns)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/a?b=c", "");
    cr_assert_eq(gate.starts, 1);
    cr_assert_str_eq(text_of(gate.exchange->forward.target), "/a?b=c");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Own: yes\r\n\r\n");
    gate_body(&gate, "hello", PIPE_ENDED);
    cr_assert_eq(gate.seen.status, 200);
    cr_assert_eq(gate.seen.response.content_length, 5);
    cr_assert_str_eq(gate_returned(&gate, "x-own"), "yes");
    cr_assert_str_eq(gate_body_text(&gate), "hello");
    cr_assert_eq(gate.seen.end, PIPE_ENDED);
    gate_close(&gate);
}

Test(proxy, passes_interims_and_then_the_answer)
{
    struct gate gate;
    gate_open(&gate, proxied);
    gate_get(&gate, "/", "");
    gate_answer(&gate,
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: y\r\n\r\n");
    cr_assert_eq(gate.seen.interims, 1);
    cr_assert_eq(gate.seen.interim_status, 103);
    cr_assert_str_eq(gate_returned(&gate, "link"), "</a.css>");
    cr_assert_str_eq(gate_returned(&gate, "x"), "", "named by Connection");
    gate_answer(&gate, "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_eq(gate.seen.responses, 1);
    cr_assert_eq(gate.seen.status, 204);
    gate_close(&gate);
}
