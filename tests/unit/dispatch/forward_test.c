/* SPDX-License-Identifier: MIT */
/* The request as the backend gets it. */
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
}

static bool forwards(const struct rig *rig, const char *name)
{
    return http_fields_find_name(&rig->exchange->forward.fields, slice_of(name)) != NULL;
}

Test(forward, automatic_fields_replace_the_clients)
{
    struct rig rig;
    open_with(&rig, "");
    rig_get(&rig, "/",
            "X-Forwarded-For: 6.6.6.6\r\nX-FORWARDED-PROTO: gopher\r\n"
            "X-Forwarded-Host: evil\r\nX-Tenant: other\r\nX_Tenant: other\r\n"
            "x_forwarded-for: 6.6.6.6\r\nX-Else: stays\r\n");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-for"), "192.0.2.1");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-proto"), "http");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-host"), "acme.test");
    cr_expect_str_eq(rig_forwarded(&rig, "x-tenant"), "acme");
    cr_expect_not(forwards(&rig, "x_tenant"));
    cr_expect_not(forwards(&rig, "x_forwarded-for"));
    cr_expect_str_eq(rig_forwarded(&rig, "x-else"), "stays");
    cr_expect_str_eq(text_of(rig.exchange->forward.authority), "acme.test");
    cr_expect_not(forwards(&rig, "host"));
    rig_close(&rig);
}

Test(forward, set_headers_rule)
{
    struct rig rig;
    open_with(&rig, "proxy_set_header HOST $proxy_host; proxy_set_header x-env prod;"
                    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
                    "proxy_set_header X-Tenant \"\"; proxy_set_header Accept-Encoding \"\";"
                    "proxy_set_header X-Maybe $arg_none;");
    rig_get(&rig, "/",
            "X-Env: mine\r\nX_Env: mine\r\nX-Forwarded-For: 198.51.100.7\r\nX-Tenant: t\r\n"
            "Accept-Encoding: gzip\r\nX-Maybe: client\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.authority), "127.0.0.1:9000");
    cr_expect_str_eq(rig_forwarded(&rig, "x-env"), "prod");
    cr_expect_not(forwards(&rig, "x_env"), "a twin of a field that is set here");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-for"), "198.51.100.7, 192.0.2.1");
    cr_expect_not(forwards(&rig, "x-tenant"));
    cr_expect_not(forwards(&rig, "accept-encoding"));
    cr_expect_not(forwards(&rig, "x-maybe"));
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-proto"), "http", "not named: stays");
    rig_close(&rig);
}

Test(forward, hop_by_hop_fields_stay_here)
{
    struct rig rig;
    open_with(&rig, "proxy_set_header Connection \"\"; proxy_set_header Upgrade $http_upgrade;"
                    "proxy_set_header Transfer-Encoding chunked;");
    rig_get(&rig, "/",
            "Connection: close, X-Hop, X-Forwarded-For\r\nX-Hop: 1\r\n"
            "Keep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Connection: x\r\n"
            "Upgrade: websocket\r\n");
    static const char *const gone[] = {
        "connection", "x-hop",   "keep-alive",       "te",
        "upgrade",    "trailer", "proxy-connection", "transfer-encoding"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        cr_expect_not(forwards(&rig, gone[i]), "%s", gone[i]);
    cr_expect_eq(rig.exchange->forward.upgrade.len, 0, "Connection did not name it");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-for"), "192.0.2.1");
    rig_close(&rig);
}

Test(forward, expectations_go_end_to_end)
{
    struct rig rig;
    open_with(&rig, "");
    rig_send(&rig,
             "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n");
    cr_expect_str_eq(rig_forwarded(&rig, "expect"), "100-Continue");
    cr_expect(rig.exchange->forward.expects_continue);
    rig_send(&rig, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    cr_expect_not(forwards(&rig, "expect"), "HTTP/1.0 has none (RFC 9110 section 10.1.1)");
    rig_close(&rig);
}

Test(forward, an_expectation_without_content_stays_here)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    };
    struct rig rig;
    open_with(&rig, "");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        rig_send(&rig, heads[i]);
        cr_expect_not(forwards(&rig, "expect"), "%s", heads[i]);
        cr_expect_not(rig.exchange->forward.expects_continue);
    }
    rig_close(&rig);
}

/* Every name that backends read as their proxy's word, in every spelling that they read so. */
Test(forward, no_forwarding_name_of_the_client_goes_on)
{
    static const char *const names[] = {
        "X-Forwarded-Port",
        "x-forwarded-prefix",
        "X-Forwarded-Server",
        "X-FORWARDED-SSL",
        "X-Forwarded-Anything",
        "X-Forwarded-",
        "X-Forwarded",
        "X-Real-IP",
        "x-real-ip",
        "Forwarded",
        "FORWARDED",
        "X_Forwarded_Port",
        "X-Forwarded_Port",
        "X_Forwarded-Prefix",
        "X_Real-IP",
        "x_real_ip",
        "X-Real_IP",
        "X_Tenant",
        "x-Tenant",
        "X_Forwarded_For",
        "X-Forwarded_Proto",
        "X_FORWARDED-HOST",
    };
    struct rig rig;
    open_with(&rig, "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char fields[256];
        snprintf(fields, sizeof fields,
                 "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n"
                 "%s: client\r\nX-Kept: yes\r\n\r\n",
                 names[i]);
        rig_send(&rig, fields);
        cr_expect_str_neq(rig_forwarded(&rig, names[i]), "client", "%s", names[i]);
        cr_expect_str_eq(rig_forwarded(&rig, "x-kept"), "yes");
        struct http_fields *trailers = &rig.exchange->request_body.trailers;
        http_fields_add(trailers, slice_of(names[i]), SLICE("client"));
        http_fields_add(trailers, SLICE("X-Sum"), SLICE("1"));
        exchange_end_request(rig.exchange, PIPE_ENDED);
        cr_expect_eq(trailers->count, 1, "%s in trailers", names[i]);
    }
    rig_get(&rig, "/", "X-Forwardedness: a\r\nX-Real-IPs: a\r\nForwarded-By: a\r\n");
    cr_expect(forwards(&rig, "x-forwardedness") && forwards(&rig, "x-real-ips") &&
              forwards(&rig, "forwarded-by"));
    rig_close(&rig);
}

Test(forward, forwarding_names_are_set_by_the_file_alone)
{
    struct rig rig;
    open_with(&rig, "proxy_set_header X-Real-IP $remote_addr;"
                    "proxy_set_header X-Forwarded-Port $http_x_forwarded_port;"
                    "proxy_set_header Forwarded \"for=$remote_addr\";");
    rig_get(&rig, "/",
            "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Port: 8443\r\nForwarded: for=6.6.6.6\r\n"
            "X_Forwarded_Port: 1\r\n");
    cr_expect_str_eq(rig_forwarded(&rig, "x-real-ip"), "192.0.2.1");
    cr_expect_str_eq(rig_forwarded(&rig, "x-forwarded-port"), "8443");
    cr_expect_str_eq(rig_forwarded(&rig, "forwarded"), "for=192.0.2.1");
    cr_expect_not(forwards(&rig, "x_forwarded_port"));
    rig_close(&rig);
}

Test(forward, named_protocols_are_switched_to)
{
    struct rig rig;
    open_with(&rig, "");
    rig_get(&rig, "/", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.upgrade), "websocket");
    rig_get(&rig, "/",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n");
    cr_expect_eq(rig.exchange->forward.upgrade.len, 0);
    cr_expect_not(forwards(&rig, "http2-settings"));
    rig_send(&rig,
             "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    cr_expect_eq(rig.exchange->forward.upgrade.len, 0);
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, tcp\r\n"
                   "Content-Length: 4\r\n\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.upgrade), "tcp");
    cr_expect_not(forwards(&rig, "upgrade"));
    rig_close(&rig);
}

Test(forward, host_of_old_clients)
{
    struct rig rig;
    open_with(&rig, "");
    rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.authority), "127.0.0.1:9000");
    cr_expect_not(forwards(&rig, "x-forwarded-host"));
    rig_send(&rig, "GET http://Other.Test:81/x HTTP/1.1\r\nHost: acme.test\r\n\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.authority), "Other.Test:81");
    cr_expect_str_eq(text_of(rig.exchange->forward.target), "/x");
    rig_close(&rig);
    rig_open(&rig,
             "server { listen 10.0.0.1:80; location / { proxy_pass http://unix:/a.sock:; } }");
    rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(text_of(rig.exchange->forward.authority), "localhost");
    rig_close(&rig);
}

/* nginx's documentation of proxy_pass, and what its request line really is in the odd cases. */
Test(forward, targets)
{
    static const struct {
        const char *location, *pass, *target, *sent;
    } cases[] = {
        /* without a URI: the original bytes */
        {"/", "http://127.0.0.1:9000", "/a%20b//./c?x=%20", "/a%20b//./c?x=%20"},
        {"/name/", "http://127.0.0.1:9000", "/name/%2e%2e/name/x?", "/name/%2e%2e/name/x?"},
        /* with one: the matched part is replaced */
        {"/name/", "http://127.0.0.1:9000/remote/", "/name/x", "/remote/x"},
        {"/name/", "http://127.0.0.1:9000/", "/name/x/y", "/x/y"},
        {"/name", "http://127.0.0.1:9000/", "/name/x", "//x"},
        {"/name/", "http://127.0.0.1:9000/remote", "/name/x", "/remotex"},
        {"/name", "http://127.0.0.1:9000/remote", "/names/x", "/remotes/x"},
        {"/name/", "http://127.0.0.1:9000/remote/", "/name/x?y=1&z=%41", "/remote/x?y=1&z=%41"},
        {"/name/", "http://127.0.0.1:9000/remote/", "/name/x?", "/remote/x"},
        {"= /name", "http://127.0.0.1:9000/exact", "/name?q=1", "/exact?q=1"},
        {"^~ /name/", "http://127.0.0.1:9000/f/", "/name/x", "/f/x"},
        {"/", "http://127.0.0.1:9000/", "/a", "/a"},
        /* normalized, and encoded anew */
        {"/name/", "http://127.0.0.1:9000/r/", "/name//x/./y/../z", "/r/x/z"},
        {"/name/", "http://127.0.0.1:9000/r/", "/n%61me/%41%20%3f%23%25", "/r/A%20%3F%23%25"},
        {"/name/", "http://127.0.0.1:9000/r/", "/name/%0d%0aX:%20y", "/r/%0D%0AX:%20y"},
        {"/name/", "http://127.0.0.1:9000/r/", "/x/..%2fname/z", "/r/z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        char text[512];
        snprintf(text, sizeof text,
                 "server { listen 10.0.0.1:80; location %s { proxy_pass %s; } }\n",
                 cases[i].location, cases[i].pass);
        rig_open(&rig, text);
        rig_get(&rig, cases[i].target, "");
        struct slice sent = rig.exchange->forward.target;
        cr_expect_str_eq(text_of(sent), cases[i].sent, "%s %s %s: %s", cases[i].location,
                         cases[i].pass, cases[i].target, text_of(sent));
        rig_close(&rig);
    }
}

Test(forward, replaced_target_is_taken_apart_again)
{
    struct rig rig;
    rig_open(
        &rig,
        "server { listen 10.0.0.1:80; location /n/ { proxy_pass http://127.0.0.1:9000/r/; } }");
    rig_get(&rig, "/n/x?y", "");
    cr_expect_str_eq(text_of(rig.exchange->forward.path), "/r/x");
    cr_expect_str_eq(text_of(rig.exchange->forward.query), "y");
    cr_expect(rig.exchange->forward.has_query);
    cr_expect_str_eq(text_of(rig.exchange->request.target), "/n/x?y");
    rig_close(&rig);
}

Test(forward, trailers_bear_no_name_that_is_set_here)
{
    static const char *const names[] = {"x-env", "X_Env", "X-Sum"};
    struct rig rig;
    open_with(&rig, "proxy_set_header X-Env prod;");
    rig_send(&rig, "POST / HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    struct http_fields *trailers = &rig.exchange->request_body.trailers;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        http_fields_add(trailers, slice_of(names[i]), SLICE("client"));
    exchange_end_request(rig.exchange, PIPE_ENDED);
    cr_assert_eq(trailers->count, 1);
    cr_expect_str_eq(text_of(trailers->items[0].name), "X-Sum");
    rig_close(&rig);
}
