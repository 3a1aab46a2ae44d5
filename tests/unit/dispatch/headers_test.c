/* SPDX-License-Identifier: MIT */
/* The response as the client gets it. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; location / { proxy_pass http://127.0.0.1:9000; %s } }\n",
             inside);
    rig_open(rig, text);
    rig_get(rig, "/", "");
}

Test(headers, hop_by_hop_and_proxy_fields_stay_here)
{
    struct rig rig;
    open_with(&rig, "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                     "Keep-Alive: timeout=5\r\nX-Accel-Redirect: /secret\r\nX-Pad: x\r\n"
                     "Upgrade: h2c\r\nServer: app/1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                     "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
    static const char *const gone[] = {"connection",       "x-hop", "keep-alive",
                                       "x-accel-redirect", "x-pad", "upgrade"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        cr_expect_not(rig_returns(&rig, gone[i]), "%s", gone[i]);
    cr_expect_str_eq(rig_returned(&rig, "server"), "app/1");
    cr_expect_str_eq(rig_returned(&rig, "date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    cr_expect_str_eq(rig_returned(&rig, "set-cookie"), "a=1|b=2");
    rig_close(&rig);
}

Test(headers, hides_and_adds)
{
    struct rig rig;
    open_with(&rig, "proxy_hide_header x-powered-by; proxy_hide_header Server;"
                    "add_header X-Served \"$tenant $status\"; add_header Set-Cookie c=3;");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nX-Powered-By: x\r\nServer: app\r\nX-Served: app\r\n"
                     "Set-Cookie: a=1\r\nContent-Length: 0\r\n\r\n");
    cr_expect_not(rig_returns(&rig, "x-powered-by"));
    cr_expect_not(rig_returns(&rig, "server"));
    cr_expect_str_eq(rig_returned(&rig, "x-served"), "app|acme 200");
    cr_expect_str_eq(rig_returned(&rig, "set-cookie"), "a=1|c=3");
    rig_close(&rig);
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
        struct rig rig;
        char answer[128];
        open_with(&rig, "add_header X-Usual 1; add_header X-Always 2 always;");
        snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", cases[i].line);
        if (rig.exchange->back && cases[i].line[0] == '2' && cases[i].line[2] == '4')
            snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\n\r\n", cases[i].line);
        rig_answer(&rig, answer);
        cr_expect_eq(rig_returns(&rig, "x-usual"), cases[i].usual, "%s", cases[i].line);
        cr_expect(rig_returns(&rig, "x-always"), "%s", cases[i].line);
        rig_close(&rig);
    }
}

Test(headers, interims_get_nothing_added)
{
    struct rig rig;
    open_with(&rig, "add_header X-Always 2 always;");
    rig_answer(&rig, "HTTP/1.1 100 Continue\r\n\r\n");
    cr_expect_eq(rig.seen.interim_status, 100);
    cr_expect_not(rig_returns(&rig, "x-always"));
    rig_close(&rig);
}
