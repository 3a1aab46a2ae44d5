/* SPDX-License-Identifier: MIT */
/* The order of the phases: what is configured in an earlier one answers, and the later ones do not
 * run. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* Each asks for something in a phase of its own. */
#define SERVER   "return 410; "
#define LENGTH   "client_max_body_size 5; "
#define LOCATION "return 403; "
#define PROXY    "proxy_pass http://127.0.0.1:9000; "

static int status_of(const char *server, const char *inside, const char *target, unsigned length)
{
    struct rig rig;
    char text[512];
    snprintf(text, sizeof(text), "server { listen 10.0.0.1:80; %s location /a/ { %s " PROXY "} }\n",
             server, inside);
    rig_open(&rig, text);
    snprintf(text, sizeof(text), "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", target,
             length);
    rig_send(&rig, text);
    int status = rig.seen.status;
    cr_expect_eq(rig.starts, status == 0);
    rig_close(&rig);
    return status;
}

Test(phases, run_in_the_order_of_nginx)
{
    cr_expect_eq(status_of(SERVER, LENGTH LOCATION, "/a", 9), 410, "the server's rewrite");
    cr_expect_eq(status_of("", LENGTH LOCATION, "/a", 9), 301, "a slash that is missing");
    cr_expect_eq(status_of("", LENGTH LOCATION, "/a/", 9), 413, "the location's limit");
    cr_expect_eq(status_of("", LENGTH LOCATION, "/a/", 1), 403, "its rewrite");
    cr_expect_eq(status_of("", LENGTH, "/a/", 1), 0, "its content");
}

Test(phases, headers_are_made_for_each_response)
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
Test(phases, headers_are_made_for_own_replies_too)
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
