/* SPDX-License-Identifier: MIT */
/* Every variable of the configuration language. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The value of an expression, as a proxied request sends it. */
static const char *value_in(struct rig *rig, const char *expression, const char *head)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; server_name First.TEST *.second.test;\n"
             "  location / { proxy_pass http://127.0.0.1:9000/p/; proxy_set_header X-V \"%s\"; }\n"
             "}\n",
             expression);
    rig_open(rig, text);
    rig->client.tls_protocol = SLICE("TLSv1.3");
    rig->client.tls_cipher = SLICE("TLS_AES_128_GCM_SHA256");
    rig->client.tls_server_name = SLICE("sni.test");
    rig->client.is_tls = true;
    rig->client.tls_reused = true;
    rig->client.tls_client_verify = SLICE("SUCCESS");
    rig->client.tls_client_subject = SLICE("CN=me");
    rig->client.tls_client_issuer = SLICE("CN=them");
    rig->client.tls_client_serial = SLICE("0A");
    rig->client.tls_client_fingerprint = SLICE("abcd");
    rig_send(rig, head);
    return rig_forwarded(rig, "x-v");
}

static const char head[] = "POST /a%20b//c?x=1&Name=two&empty= HTTP/1.1\r\n"
                           "Host: Acme.Test:8443\r\n"
                           "User-Agent: one\r\n"
                           "X-Many: a\r\n"
                           "X-Many: b\r\n"
                           "Cookie: k=v; Session=abc\r\n"
                           "Cookie: other=2\r\n"
                           "X-Forwarded-For: 198.51.100.7\r\n"
                           "Content-Type: text/x\r\n"
                           "Content-Length: 4\r\n\r\nbody";

Test(values, of_the_request_and_its_place)
{
    static const struct {
        const char *expression, *value;
    } cases[] = {
        {"$host", "acme.test"},
        {"$http_user_agent", "one"},
        {"$http_x_many", "a, b"},
        {"$http_cookie", "k=v; Session=abc; other=2"},
        {"$http_host", "Acme.Test:8443"},
        {"$http_content_length", "4"},
        {"<$http_absent>", "<>"},
        {"$arg_x", "1"},
        {"$arg_name", "two"},
        {"<$arg_empty$arg_absent>", "<>"},
        {"$cookie_session", "abc"},
        {"$cookie_other", "2"},
        {"$request_method", "POST"},
        {"$request_uri", "/a%20b//c?x=1&Name=two&empty="},
        {"$uri", "/a b/c"},
        {"$args", "x=1&Name=two&empty="},
        {"$query_string", "x=1&Name=two&empty="},
        {"<$is_args>", "<?>"},
        {"$scheme", "https"},
        {"$server_name", "first.test"},
        {"$server_addr", "10.0.0.1"},
        {"$server_port", "80"},
        {"$server_protocol", "HTTP/1.1"},
        {"$remote_addr", "192.0.2.1"},
        {"$binary_remote_addr", "\xc0\x00\x02\x01"},
        {"$remote_port", "5000"},
        {"$proxy_add_x_forwarded_for", "198.51.100.7, 192.0.2.1"},
        {"$proxy_host", "127.0.0.1:9000"},
        {"$content_length", "4"},
        {"$content_type", "text/x"},
        {"<$status>", "<>"},
        {"$body_bytes_sent", "0"},
        {"$bytes_sent", "0"},
        {"<$upstream_addr$upstream_status$upstream_response_time>", "<>"},
        {"$connection", "17"},
        {"$connection_requests", "3"},
        {"$ssl_protocol", "TLSv1.3"},
        {"$ssl_cipher", "TLS_AES_128_GCM_SHA256"},
        {"$ssl_server_name", "sni.test"},
        {"$ssl_session_reused", "r"},
        {"$ssl_client_verify", "SUCCESS"},
        {"$ssl_client_s_dn", "CN=me"},
        {"$ssl_client_i_dn", "CN=them"},
        {"$ssl_client_serial", "0A"},
        {"$ssl_client_fingerprint", "abcd"},
        {"$tenant", "acme"},
        {"$netns", "host"},
        {"${scheme}://$host", "https://acme.test"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        const char *value = value_in(&rig, cases[i].expression, head);
        cr_expect_str_eq(value, cases[i].value, "%s: %s", cases[i].expression, value);
        rig_close(&rig);
    }
}

Test(values, without_what_they_ask_for)
{
    static const char bare[] = "GET /x? HTTP/1.0\r\n\r\n";
    static const struct {
        const char *expression, *value;
    } cases[] = {
        {"$host", "first.test"},
        {"<$http_host>", "<>"},
        {"<$is_args$args>", "<>"},
        {"$server_protocol", "HTTP/1.0"},
        {"$proxy_add_x_forwarded_for", "192.0.2.1"},
        {"<$content_length$content_type$http_content_length>", "<>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        const char *value = value_in(&rig, cases[i].expression, bare);
        cr_expect_str_eq(value, cases[i].value, "%s: %s", cases[i].expression, value);
        rig_close(&rig);
    }
}

Test(values, of_time)
{
    struct rig rig;
    int year, month, day, hour, minute, second, zone_hour, zone_minute;
    char sign, name[4];
    cr_expect_eq(sscanf(value_in(&rig, "$time_iso8601", head), "%d-%d-%dT%d:%d:%d%c%d:%d", &year,
                        &month, &day, &hour, &minute, &second, &sign, &zone_hour, &zone_minute),
                 9);
    rig_close(&rig);
    cr_expect_eq(sscanf(value_in(&rig, "$time_local", head), "%d/%3s/%d:%d:%d:%d %c%d", &day, name,
                        &year, &hour, &minute, &second, &sign, &zone_hour),
                 8);
    rig_close(&rig);
    cr_expect_gt(strtod(value_in(&rig, "$msec", head), NULL), 1.5e9);
    rig_close(&rig);
    cr_expect_str_eq(value_in(&rig, "$request_time", head), "0.000");
    rig_close(&rig);
}

Test(values, request_id_is_random_and_stays)
{
    struct rig rig;
    char first[128];
    snprintf(first, sizeof first, "%s", value_in(&rig, "$request_id $request_id", head));
    rig_close(&rig);
    cr_assert_eq(strlen(first), 65);
    cr_assert_eq(strspn(first, "0123456789abcdef"), 32);
    cr_assert_eq(memcmp(first, first + 33, 32), 0);
    cr_assert_str_neq(first, value_in(&rig, "$request_id $request_id", head));
    rig_close(&rig);
}

Test(values, request_length_counts_head_and_body)
{
    struct rig rig;
    cr_assert_eq(strtoul(value_in(&rig, "$request_length", head), NULL, 10), sizeof head - 1 - 4,
                 "what has come so far");
    rig_close(&rig);
}

Test(values, of_the_attempts)
{
    struct rig rig;
    rig_open(&rig, "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                   "server { listen 10.0.0.1:80; location / { proxy_pass http://app;\n"
                   "  add_header X-A $upstream_addr always;\n"
                   "  add_header X-S $upstream_status always;\n"
                   "  add_header X-T $upstream_response_time always;\n"
                   "  add_header X-C $status always; } }\n");
    rig_get(&rig, "/", "");
    rig_answer(&rig, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-a"), "127.0.0.1:9000");
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "404");
    cr_expect_str_eq(rig_returned(&rig, "x-t"), "0.000");
    cr_expect_str_eq(rig_returned(&rig, "x-c"), "404");

    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_CONNECT_TIMEOUT, true);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "504, 200");
    cr_expect_str_eq(rig_returned(&rig, "x-t"), "0.000, 0.000");

    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_CONNECT, true);
    rig_fail(&rig, ERROR_CONNECT, true);
    cr_expect_eq(rig.seen.status, 502);
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "502, 502");

    /* One that is forgiven is an attempt, too. */
    rig.has_kept[0] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_RETIRED, false);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-a"), "127.0.0.1:9000, 127.0.0.1:9000");
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "502, 200");
    rig.has_kept[0] = true;
    rig_get(&rig, "/", "");
    rig_fail(&rig, ERROR_RETIRED, false);
    rig_fail(&rig, ERROR_CONNECT, true);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-a"), "127.0.0.1:9000, 127.0.0.1:9000, 127.0.0.1:9001");
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "502, 502, 200");

    rig.start_error = ERROR_NO_ENDPOINT;
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.seen.status, 502);
    cr_expect_str_eq(rig_returned(&rig, "x-a"), "app");
    cr_expect_str_eq(rig_returned(&rig, "x-s"), "502");
    cr_expect_str_eq(rig_returned(&rig, "x-t"), "0.000");
    rig_close(&rig);
}

static void waits(struct rig *rig, double seconds, unsigned waited_for)
{
    rig->queue_seconds = seconds;
    rig->waited_for = waited_for;
}

Test(values, of_what_was_waited_for)
{
    struct rig rig;
    rig_open(&rig, "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                   "server { listen 10.0.0.1:80; location / { proxy_pass http://app;\n"
                   "  proxy_set_header X-Q \"<$upstream_queue_time$upstream_queue_reason>\";\n"
                   "  add_header X-A $upstream_addr always;\n"
                   "  add_header X-Q $upstream_queue_time always;\n"
                   "  add_header X-R $upstream_queue_reason always; } }\n");
    rig_get(&rig, "/", "");
    cr_expect_str_eq(rig_forwarded(&rig, "x-q"), "<>", "nothing is known yet");
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-q"), "0.000");
    cr_expect_str_eq(rig_returned(&rig, "x-r"), "-");

    waits(&rig, 0.0124, BACKEND_WAIT_CONNECTION);
    rig_get(&rig, "/", "");
    waits(&rig, 1.5, BACKEND_WAIT_SERVER | BACKEND_WAIT_CONNECTION);
    rig_fail(&rig, ERROR_CONNECT, true);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-q"), "0.012, 1.500");
    cr_expect_str_eq(rig_returned(&rig, "x-r"), "connection, server+connection");

    waits(&rig, 0.25, BACKEND_WAIT_SERVER);
    rig_get(&rig, "/", "");
    waits(&rig, 0, 0);
    rig_fail(&rig, ERROR_CONNECT, true);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-q"), "0.250, 0.000");
    cr_expect_str_eq(rig_returned(&rig, "x-r"), "server, -");
    rig_close(&rig);
}

Test(values, of_a_wait_that_was_in_vain)
{
    struct rig rig;
    rig_open(&rig, "upstream app { server 127.0.0.1:9000; }\n"
                   "server { listen 10.0.0.1:80; location / { proxy_pass http://app;\n"
                   "  add_header X-V \"$upstream_addr $upstream_status $upstream_queue_time"
                   " $upstream_queue_reason\" always; } }\n");
    waits(&rig, 0.3, BACKEND_WAIT_SERVER);
    rig.start_error = ERROR_QUEUE_TIMEOUT;
    rig_get(&rig, "/", "");
    cr_expect_str_eq(rig_returned(&rig, "x-v"), "app 502 0.300 server");
    rig_close(&rig);
}
