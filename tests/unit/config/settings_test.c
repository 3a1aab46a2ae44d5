/* SPDX-License-Identifier: MIT */
/* Settings: defaults, inheritance and sharing, values and their ranges. */
#include "config/config_support.h"

#define AROUND(text) "netns a; server { return 204; \n" text "\n}"

Test(settings, defaults)
{
    struct built built;

    build_good(&built, "netns a; server { return 204; }");

    const struct config_settings *settings = built.tenant.servers[0].settings;

    cr_expect_eq(settings->keepalive_timeout, 75);
    cr_expect_eq(settings->keepalive_requests, 1000);
    cr_expect_eq(settings->client_header_timeout, 10);
    cr_expect_eq(settings->client_body_timeout, 60);
    cr_expect_eq(settings->send_timeout, 60);
    cr_expect_eq(settings->client_max_body_size, 1048576);
    cr_expect_eq(settings->header_buffers, 4);
    cr_expect_eq(settings->header_buffer_size, 8192);
    cr_expect(settings->http2);
    cr_expect_eq(settings->http2_max_concurrent_streams, 128);
    cr_expect_eq(settings->proxy_http_version, 11);
    cr_expect(settings->proxy_ssl_verify);
    cr_expect(settings->proxy_ssl_session_reuse);
    cr_expect_not(settings->says_ssl_server_name, "it goes with proxy_ssl_verify");
    cr_expect_eq(settings->proxy_ssl_verify_depth, 1);
    cr_expect_eq(settings->proxy_connect_timeout, 60);
    cr_expect_eq(settings->proxy_next_upstream, (uint32_t)(NEXT_ERROR | NEXT_TIMEOUT));
    cr_expect_eq(settings->ssl_protocols, (uint32_t)(TLS_VERSION_1_2 | TLS_VERSION_1_3));
    free_tenant(&built);
}

Test(settings, inherit_whatever_the_order)
{
    struct built built;

    build_good(&built, "netns a; server { location /a { return 204; } location /b { send_timeout "
                       "3s; return 204; } send_timeout 2s; } send_timeout 1s; server { return "
                       "204; location / { return 204; } }");

    const struct config_server *first = &built.tenant.servers[0];
    const struct config_server *second = &built.tenant.servers[1];

    cr_expect_eq(first->settings->send_timeout, 2);
    cr_expect_eq(first->locations[0].settings, first->settings, "shared");
    cr_expect_eq(first->locations[1].settings->send_timeout, 3);
    cr_expect_eq(second->settings->send_timeout, 1);
    cr_expect_eq(second->locations[0].settings, second->settings);
    free_tenant(&built);
}

Test(settings, good_words)
{
    struct built built;

    build_good(&built,
               AROUND("http2 off; http2_max_concurrent_streams 7; proxy_next_upstream http_503 "
                      "non_idempotent; ssl_protocols "
                      "TLSv1.3; ssl_ciphers HIGH; ssl_ecdh_curve X25519:P-256; "
                      "keepalive_requests 7; keepalive_timeout 0; large_client_header_buffers 2 "
                      "4k; proxy_http_version 1.1; proxy_buffering off; proxy_redirect off; "
                      "proxy_request_buffering off; location / { proxy_next_upstream off; return "
                      "204; }"));

    const struct config_settings *settings = built.tenant.servers[0].settings;

    cr_expect_not(settings->http2);
    cr_expect_eq(settings->http2_max_concurrent_streams, 7);
    cr_expect_eq(settings->proxy_next_upstream, (uint32_t)(NEXT_HTTP_503 | NEXT_NON_IDEMPOTENT));
    cr_expect_eq(settings->ssl_protocols, (uint32_t)TLS_VERSION_1_3);
    cr_expect(text_is(settings->ssl_ciphers.text, "HIGH"));
    cr_expect(text_is(settings->ssl_ecdh_curve.text, "X25519:P-256"));
    cr_expect_eq(settings->keepalive_requests, 7);
    cr_expect_eq(settings->keepalive_timeout, 0);
    cr_expect_eq(settings->header_buffers, 2);
    cr_expect_eq(settings->header_buffer_size, 4096);
    cr_expect_eq(built.tenant.servers[0].locations[0].settings->proxy_next_upstream, 0);
    cr_expect_eq(built.diags.warnings, 0);
    cr_expect(STAILQ_EMPTY(&built.diags.items));
    free_tenant(&built);
}
