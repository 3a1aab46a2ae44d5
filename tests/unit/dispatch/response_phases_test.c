/* SPDX-License-Identifier: MIT */
/* What every response passes, wherever it was made. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>

Test(response_phases, headers_are_made_for_each_response)
{
    struct rig rig;
    rig_open(&rig, "server { listen 10.0.0.1:80; add_header X-Own yes;\n"
                   "  location / { proxy_pass http://127.0.0.1:9000; proxy_hide_header x; } }\n");
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x"), "");
    cr_expect_str_eq(rig_returned(&rig, "x-own"), "");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: 1\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x"), "");
    cr_expect_str_eq(rig_returned(&rig, "x-own"), "yes");
    rig_close(&rig);
}

/* Nothing of an own reply is a server's, so nothing of it is hidden. */
Test(response_phases, headers_are_made_for_own_replies_too)
{
    static const struct {
        const char *target;
        int status;
    } cases[] = {{"/text", 200}, {"/place", 302}, {"/a", 301}, {"/nothing", 404}, {"/a/", 502}};
    struct rig rig;
    rig_open(&rig, "server { listen 10.0.0.1:80; add_header X-Own $status always;\n"
                   "  proxy_hide_header Server; proxy_hide_header Content-Type;\n"
                   "  location = /text { return 200 text; }\n"
                   "  location = /place { return 302 /a; }\n"
                   "  location = /nothing { return 404; }\n"
                   "  location /a/ { proxy_pass http://127.0.0.1:9000; } }\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char status[8];
        rig_get(&rig, cases[i].target, "");
        if (cases[i].status == 502) {
            rig_fail(&rig, ERROR_CONNECT, false);
            rig_fail(&rig, ERROR_CONNECT, false);
        }
        snprintf(status, sizeof(status), "%d", cases[i].status);
        cr_expect_eq(rig.seen.status, cases[i].status, "%s: %d", cases[i].target, rig.seen.status);
        cr_expect_str_eq(rig_returned(&rig, "x-own"), status);
        cr_expect_str_eq(rig_returned(&rig, "server"), "nsgate");
        cr_expect_str_eq(rig_returned(&rig, "content-type"), "text/plain");
    }
    rig_close(&rig);
}
