/* SPDX-License-Identifier: MIT */
/* `return`: texts, codes, redirects. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

Test(return, text)
{
    struct rig rig;
    rig_open_location(&rig, "return 200 \"hello $host\\n\";");
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 200);
    cr_expect_str_eq(text_of(rig.seen.response.reason), "OK");
    cr_expect_str_eq(rig_body_text(&rig), "hello acme.test\n");
    cr_expect_eq(rig.seen.response.content_length, 16);
    cr_expect_str_eq(rig_returned(&rig, "content-type"), "text/plain");
    cr_expect_str_eq(rig_returned(&rig, "server"), "nsgate");
    cr_expect_eq(rig.seen.end, PIPE_ENDED);
    cr_expect_eq(rig.seen.responses, 1);
    rig_close(&rig);
}

Test(return, codes_alone)
{
    static const struct {
        const char *code, *body;
    } cases[] = {
        {"200", ""},
        {"204", ""},
        {"304", ""},
        {"400", "400 Bad Request\n"},
        {"403", "403 Forbidden\n"},
        {"404", "404 Not Found\n"},
        {"500", "500 Internal Server Error\n"},
        {"503", "503 Service Unavailable\n"},
        {"599", "599\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        char text[64];
        snprintf(text, sizeof text, "return %s;", cases[i].code);
        rig_open_location(&rig, text);
        rig_get(&rig, "/", "");
        cr_expect_eq(rig.seen.status, atoi(cases[i].code));
        cr_expect_str_eq(rig_body_text(&rig), cases[i].body);
        cr_expect_eq(rig.seen.end, PIPE_ENDED);
        cr_expect_eq(rig.seen.response.content_length, (int64_t)strlen(cases[i].body));
        cr_expect_eq(rig_returns(&rig, "content-type"), cases[i].body[0] != '\0');
        rig_close(&rig);
    }
}

Test(return, redirects)
{
    rig_expect_redirect("return 301 https://$host/new/;", false, 80, "/", "https://acme.test/new/");
    rig_expect_redirect("return 308 https://$host$request_uri;", false, 80, "/a%20b?c",
                        "https://acme.test/a%20b?c");
    rig_expect_redirect("return http://other.test/;", false, 80, "/", "http://other.test/");
    rig_expect_redirect("return 302 /x;", false, 80, "/", "http://acme.test/x");
    rig_expect_redirect("return 302 /x;", true, 443, "/", "https://acme.test/x");
    rig_expect_redirect("return 302 /x;", true, 8443, "/", "https://acme.test:8443/x");
    rig_expect_redirect("return 303 /x;", false, 443, "/", "http://acme.test:443/x");
    /* what begins with two slashes must not leave this host */
    rig_expect_redirect("return 307 $request_uri;", false, 80, "//evil.test/",
                        "http://acme.test//evil.test/");
}
