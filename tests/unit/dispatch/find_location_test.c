/* SPDX-License-Identifier: MIT */
/* Locations, the slash that is missing, and bodies that are too large. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>

static void expect(struct rig *rig, const char *target, int status, const char *body)
{
    rig_get(rig, target, "");
    cr_expect_eq(rig->seen.status, status, "%s: %d", target, rig->seen.status);
    if (body)
        cr_expect_str_eq(rig_body_text(rig), body, "%s: %s", target, rig_body_text(rig));
}

Test(find_location, locations)
{
    struct rig rig;
    rig_open(&rig, rig_places);
    expect(&rig, "/exact", 200, "exact");
    expect(&rig, "/exact/no", 404, "404 Not Found\n");
    expect(&rig, "/prefix", 200, "pre");
    expect(&rig, "/pre/longer/x", 200, "longer");
    expect(&rig, "/pre//longer", 200, "longer");
    expect(&rig, "/x/../pre", 200, "pre");
    expect(&rig, "/%70re", 200, "pre");
    expect(&rig, "/pre/x.php", 200, "regex");
    expect(&rig, "/final/x.php", 200, "final");
    expect(&rig, "/nothing", 404, "404 Not Found\n");
    expect(&rig, "/empty", 404, "404 Not Found\n");
    expect(&rig, "/../etc/passwd", 400, "400 Bad Request\n");
    expect(&rig, "/%00", 400, "400 Bad Request\n");
    expect(&rig, "/%zz", 400, "400 Bad Request\n");
    rig_close(&rig);
}

Test(find_location, the_asterisk_is_where_the_root_is)
{
    static const char options[] = "OPTIONS * HTTP/1.1\r\nHost: acme.test\r\n\r\n";
    static const struct {
        const char *location;
        int status; /* 0: forwarded */
        const char *target;
    } cases[] = {
        {"location / { return 200 root; }", 200, NULL},
        {"location = / { return 204; }", 204, NULL},
        {"location ~ ^/$ { return 200 root; }", 200, NULL},
        {"location /a { return 200 a; }", 404, NULL},
        {"location / { proxy_pass http://127.0.0.1:9000; }", 0, "*"},
        {"location / { proxy_pass http://127.0.0.1:9000/r/; }", 0, "/r/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        char text[256];
        snprintf(text, sizeof text, "server { listen 10.0.0.1:80; %s }\n", cases[i].location);
        rig_open(&rig, text);
        rig_send(&rig, options);
        cr_expect_eq(rig.seen.status, cases[i].status, "%s: %d", text, rig.seen.status);
        if (cases[i].target)
            cr_expect_str_eq(text_of(rig.exchange->forward.target), cases[i].target);
        rig_close(&rig);
    }
}

Test(find_location, missing_slash_is_redirected_as_nginx_does)
{
    struct rig rig;
    rig_open(&rig, rig_places);
    expect(&rig, "/app", 301, NULL);
    cr_expect_str_eq(rig_returned(&rig, "location"), "http://acme.test/app/");
    expect(&rig, "/app?x=1", 301, NULL);
    cr_expect_str_eq(rig_returned(&rig, "location"), "http://acme.test/app/?x=1");
    expect(&rig, "/here", 404, NULL);
    rig_get(&rig, "/api", "");
    cr_expect_eq(rig.starts, 1, "a location of that very path has it");
    rig_close(&rig);
}

Test(find_location, body_length_is_judged_at_once)
{
    struct rig rig;
    rig_open(&rig, rig_places);
    rig_send(&rig, "POST /pre HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 11\r\n\r\n");
    cr_expect_eq(rig.seen.status, 413);
    cr_expect(rig.exchange->request_body.discards);
    rig_send(&rig, "POST /pre HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 10\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200);
    rig_send(&rig, "POST /big HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 99999999999\r\n\r\n");
    cr_expect_eq(rig.seen.status, 200, "0 is without limit");
    rig_close(&rig);
}

/* As a frontend asks while a body comes. */
Test(find_location, body_bytes_are_judged_as_they_come)
{
    struct rig rig;
    rig_open_location(&rig, "client_max_body_size 10; proxy_pass http://127.0.0.1:9000;");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    struct config_settings settings = *dispatch_settings(rig.exchange);
    cr_expect_not(dispatch_body_is_too_large(rig.exchange, &settings, 0));
    cr_expect_not(dispatch_body_is_too_large(rig.exchange, &settings, 10));
    cr_expect(dispatch_body_is_too_large(rig.exchange, &settings, 11));
    cr_expect(dispatch_body_is_too_large(rig.exchange, &settings, UINT64_MAX));
    settings.client_max_body_size = 0;
    cr_expect_not(dispatch_body_is_too_large(rig.exchange, &settings, UINT64_MAX), "no limit");
    settings.client_max_body_size = 10;
    exchange_discard_request(rig.exchange);
    cr_expect_not(dispatch_body_is_too_large(rig.exchange, &settings, 11), "nobody reads it");
    rig_close(&rig);
}
