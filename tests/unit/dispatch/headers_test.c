/* SPDX-License-Identifier: MIT */
/* The response as the client gets it. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct gate *gate, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; location / { proxy_pass http://127.0.0.1:9000; %s } }\n",
             inside);
    gate_open(gate, text);
    gate_get(gate, "/", "");
}

static bool returns(const struct gate *gate, const char *name)
{
    return http_fields_find_name(&gate->seen.response.fields, slice_of(name)) != NULL;
}

Test(headers, hop_by_hop_and_proxy_fields_stay_here)
{
    struct gate gate;
    open_with(&gate, "");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                       "Keep-Alive: timeout=5\r\nX-Accel-Redirect: /secret\r\nX-Pad: x\r\n"
                       "Upgrade: h2c\r\nServer: app/1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                       "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
    static const char *const gone[] = {"connection",       "x-hop", "keep-alive",
                                       "x-accel-redirect", "x-pad", "upgrade"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        cr_expect_not(returns(&gate, gone[i]), "%s", gone[i]);
    cr_expect_str_eq(gate_returned(&gate, "server"), "app/1");
    cr_expect_str_eq(gate_returned(&gate, "date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    cr_expect_str_eq(gate_returned(&gate, "set-cookie"), "a=1|b=2");
    gate_close(&gate);
}

Test(headers, hides_and_adds)
{
    struct gate gate;
    open_with(&gate, "proxy_hide_header x-powered-by; proxy_hide_header Server;"
                     "add_header X-Served \"$tenant $status\"; add_header Set-Cookie c=3;");
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nX-Powered-By: x\r\nServer: app\r\nX-Served: app\r\n"
                       "Set-Cookie: a=1\r\nContent-Length: 0\r\n\r\n");
    cr_expect_not(returns(&gate, "x-powered-by"));
    cr_expect_not(returns(&gate, "server"));
    cr_expect_str_eq(gate_returned(&gate, "x-served"), "app|acme 200");
    cr_expect_str_eq(gate_returned(&gate, "set-cookie"), "a=1|c=3");
    gate_close(&gate);
}

Test(headers, adds_by_status_unless_always)
{
    static const struct {
        const char *line;
        bool usual;
    } cases[] = {
        {"200 OK", true},         {"201 Created", true},   {"202 Accepted", false},
        {"204 No Content", true}, {"206 Partial", true},   {"301 Moved", true},
        {"302 Found", true},      {"303 See Other", true}, {"304 Not Modified", true},
        {"307 Temporary", true},  {"308 Permanent", true}, {"400 Bad Request", false},
        {"404 Not Found", false}, {"500 Oh", false},       {"503 Not now", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate gate;
        char answer[128];
        open_with(&gate, "add_header X-Usual 1; add_header X-Always 2 always;");
        snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", cases[i].line);
        if (gate.exchange->back && cases[i].line[0] == '2' && cases[i].line[2] == '4')
            snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\n\r\n", cases[i].line);
        gate_answer(&gate, answer);
        cr_expect_eq(returns(&gate, "x-usual"), cases[i].usual, "%s", cases[i].line);
        cr_expect(returns(&gate, "x-always"), "%s", cases[i].line);
        gate_close(&gate);
    }
}

Test(headers, interims_get_nothing_added)
{
    struct gate gate;
    open_with(&gate, "add_header X-Always 2 always;");
    gate_answer(&gate, "HTTP/1.1 100 Continue\r\n\r\n");
    cr_expect_eq(gate.seen.interim_status, 100);
    cr_expect_not(returns(&gate, "x-always"));
    gate_close(&gate);
}
