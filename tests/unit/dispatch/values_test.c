/* SPDX-License-Identifier: MIT */
/* Every variable of the configuration language. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The value of an expression, as a proxied request sends it. */
static const char *value_in(struct gate *gate, const char *expression, const char *head)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; server_name First.TEST *.second.test;\n"
             "  location / { proxy_pass http://127.0.0.1:9000/p/; proxy_set_header X-V \"%s\"; }\n"
             "}\n",
             expression);
    gate_open(gate, text);
    gate->client.tls_protocol = SLICE("TLSv1.3");
    gate->client.tls_cipher = SLICE("TLS_AES_128_GCM_SHA256");
    gate->client.tls_server_name = SLICE("sni.test");
    gate->client.is_tls = true;
    gate->client.tls_reused = true;
    gate->client.tls_client_verify = SLICE("SUCCESS");
    gate->client.tls_client_subject = SLICE("CN=me");
    gate->client.tls_client_issuer = SLICE("CN=them");
    gate->client.tls_client_serial = SLICE("0A");
    gate->client.tls_client_fingerprint = SLICE("abcd");
    gate_send(gate, head);
    return gate_forwarded(gate, "x-v");
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
        struct gate gate;
        const char *value = value_in(&gate, cases[i].expression, head);
        cr_expect_str_eq(value, cases[i].value, "%s: %s", cases[i].expression, value);
        gate_close(&gate);
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
        struct gate gate;
        const char *value = value_in(&gate, cases[i].expression, bare);
        cr_expect_str_eq(value, cases[i].value, "%s: %s", cases[i].expression, value);
        gate_close(&gate);
    }
}

Test(values, of_time)
{
    struct gate gate;
    int year, month, day, hour, minute, second, zone_hour, zone_minute;
    char sign, name[4];
    cr_expect_eq(sscanf(value_in(&gate, "$time_iso8601", head), "%d-%d-%dT%d:%d:%d%c%d:%d", &year,
                        &month, &day, &hour, &minute, &second, &sign, &zone_hour, &zone_minute),
                 9);
    gate_close(&gate);
    cr_expect_eq(sscanf(value_in(&gate, "$time_local", head), "%d/%3s/%d:%d:%d:%d %c%d", &day, name,
                        &year, &hour, &minute, &second, &sign, &zone_hour),
                 8);
    gate_close(&gate);
    cr_expect_gt(strtod(value_in(&gate, "$msec", head), NULL), 1.5e9);
    gate_close(&gate);
    cr_expect_str_eq(value_in(&gate, "$request_time", head), "0.000");
    gate_close(&gate);
}

Test(values, request_id_is_random_and_stays)
{
    struct gate gate;
    char first[128];
    snprintf(first, sizeof first, "%s", value_in(&gate, "$request_id $request_id", head));
    gate_close(&gate);
    cr_assert_eq(strlen(first), 65);
    cr_assert_eq(strspn(first, "0123456789abcdef"), 32);
    cr_assert_eq(memcmp(first, first + 33, 32), 0);
    cr_assert_str_neq(first, value_in(&gate, "$request_id $request_id", head));
    gate_close(&gate);
}

Test(values, request_length_counts_head_and_body)
{
    struct gate gate;
    cr_assert_eq(strtoul(value_in(&gate, "$request_length", head), NULL, 10), sizeof head - 1 - 4,
                 "what has come so far");
    gate_close(&gate);
}

Test(values, of_the_attempts)
{
    struct gate gate;
    gate_open(&gate, "upstream app { server 127.0.0.1:9000; server 127.0.0.1:9001; }\n"
                     "server { listen 10.0.0.1:80; location / { proxy_pass http://app;\n"
                     "  add_header X-A $upstream_addr always;\n"
                     "  add_header X-S $upstream_status always;\n"
                     "  add_header X-T $upstream_response_time always;\n"
                     "  add_header X-C $status always; } }\n");
    gate_get(&gate, "/", "");
    gate_answer(&gate, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(gate_returned(&gate, "x-a"), "127.0.0.1:9000");
    cr_expect_str_eq(gate_returned(&gate, "x-s"), "404");
    cr_expect_str_eq(gate_returned(&gate, "x-t"), "0.000");
    cr_expect_str_eq(gate_returned(&gate, "x-c"), "404");

    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_CONNECT_TIMEOUT, true);
    gate_answer(&gate, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(gate_returned(&gate, "x-s"), "504, 200");
    cr_expect_str_eq(gate_returned(&gate, "x-t"), "0.000, 0.000");

    gate_get(&gate, "/", "");
    gate_fail(&gate, ERROR_CONNECT, true);
    gate_fail(&gate, ERROR_CONNECT, true);
    cr_expect_eq(gate.seen.status, 502);
    cr_expect_str_eq(gate_returned(&gate, "x-s"), "502, 502");

    gate.start_error = ERROR_NO_ENDPOINT;
    gate_get(&gate, "/", "");
    cr_expect_eq(gate.seen.status, 502);
    cr_expect_str_eq(gate_returned(&gate, "x-s"), "");
    gate_close(&gate);
}
