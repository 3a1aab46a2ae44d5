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
