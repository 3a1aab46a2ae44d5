/* SPDX-License-Identifier: MIT */
/* Locations, the slash that is missing, and bodies that are too large. */
#include "fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>

static const char places[] = "server { listen 10.0.0.1:80 default_server; server_name acme.test;\n"
                             "  client_max_body_size 10;\n"
                             "  location = /exact { return 200 exact; }\n"
                             "  location /pre { return 200 pre; }\n"
                             "  location /pre/longer { return 200 longer; }\n"
                             "  location ^~ /final { return 200 final; }\n"
                             "  location ~ \\.php$ { return 200 regex; }\n"
                             "  location /empty { }\n"
                             "  location /big { client_max_body_size 0; return 200 big; }\n"
                             "  location /app/ { proxy_pass http://127.0.0.1:9000; }\n"
                             "  location /api { proxy_pass http://127.0.0.1:9000; }\n"
                             "  location /api/ { proxy_pass http://127.0.0.1:9000; }\n"
                             "  location /here/ { return 200 here; }\n"
                             "}\n"
                             "server { listen 10.0.0.1:80; server_name closed.test; return 403; "
                             "location / { return 200 no; } }\n";

static void expect(struct gate *gate, const char *target, int status, const char *body)
{
    gate_get(gate, target, "");
    cr_expect_eq(gate->seen.status, status, "%s: %d", target, gate->seen.status);
    if (body)
        cr_expect_str_eq(gate_body_text(gate), body, "%s: %s", target, gate_body_text(gate));
}

Test(find_location, locations)
{
    struct gate gate;
    gate_open(&gate, places);
    expect(&gate, "/exact", 200, "exact");
    expect(&gate, "/exact/no", 404, "404 Not Found\n");
    expect(&gate, "/prefix", 200, "pre");
    expect(&gate, "/pre/longer/x", 200, "longer");
    expect(&gate, "/pre//longer", 200, "longer");
    expect(&gate, "/x/../pre", 200, "pre");
    expect(&gate, "/%70re", 200, "pre");
    expect(&gate, "/pre/x.php", 200, "regex");
    expect(&gate, "/final/x.php", 200, "final");
    expect(&gate, "/nothing", 404, "404 Not Found\n");
    expect(&gate, "/empty", 404, "404 Not Found\n");
    expect(&gate, "/../etc/passwd", 400, "400 Bad Request\n");
    expect(&gate, "/%00", 400, "400 Bad Request\n");
    expect(&gate, "/%zz", 400, "400 Bad Request\n");
    gate_close(&gate);
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
        struct gate gate;
        char text[256];
        snprintf(text, sizeof text, "server { listen 10.0.0.1:80; %s }\n", cases[i].location);
        gate_open(&gate, text);
        gate_send(&gate, options);
        cr_expect_eq(gate.seen.status, cases[i].status, "%s: %d", text, gate.seen.status);
        if (cases[i].target)
            cr_expect_str_eq(text_of(gate.exchange->forward.target), cases[i].target);
        gate_close(&gate);
    }
}

Test(find_location, missing_slash_is_redirected_as_nginx_does)
{
    struct gate gate;
    gate_open(&gate, places);
    expect(&gate, "/app", 301, NULL);
    cr_expect_str_eq(gate_returned(&gate, "location"), "http://acme.test/app/");
    expect(&gate, "/app?x=1", 301, NULL);
    cr_expect_str_eq(gate_returned(&gate, "location"), "http://acme.test/app/?x=1");
    expect(&gate, "/here", 404, NULL);
    gate_get(&gate, "/api", "");
    cr_expect_eq(gate.starts, 1, "a location of that very path has it");
    gate_close(&gate);
}

Test(find_location, body_length_is_judged_at_once)
{
    struct gate gate;
    gate_open(&gate, places);
    gate_send(&gate, "POST /pre HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 11\r\n\r\n");
    cr_expect_eq(gate.seen.status, 413);
    cr_expect(gate.exchange->request_body.discards);
    gate_send(&gate, "POST /pre HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 10\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200);
    gate_send(&gate,
              "POST /big HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 99999999999\r\n\r\n");
    cr_expect_eq(gate.seen.status, 200, "0 is without limit");
    gate_close(&gate);
}
