/* SPDX-License-Identifier: MIT */
/* Contexts of directives: what is told of one in the wrong place. */
#include "config/config_support.h"

#define HEAD "netns a; server { listen 80; return 204; "

Test(grammar, wrong_places)
{
    static const struct said wrong[] = {
        {HEAD "}\nlisten 81;", 2, 1,
         "\"listen\" is not allowed in the top of a tenant's file but in: \"server\"; allowed "
         "here: access_log, access_log_handshakes, "
         "add_header"},
        {HEAD "netns b; }", 1, 42, "\"netns\" is not allowed in \"server\""},
        {HEAD "}\ntenants *;", 2, 1,
         "\"tenants\" is not allowed in the top of a tenant's file but in: the main file"},
        {HEAD "location / { client_header_timeout 1s; return 204; } }", 1, 55,
         "\"client_header_timeout\" is not allowed in \"location\" but in: \"defaults\", the top "
         "of a tenant's file, \"server\""},
        {HEAD "location / { ssl_protocols TLSv1.2; return 204; } }", 1, 55,
         "not allowed in \"location\""},
        {HEAD "}\nproxy_pass http://a;", 2, 1, "but in: \"location\""},
        {HEAD "}\nupstream u { server 1.2.3.4; keepalive_timeout 1s; }", 2, 30,
         "\"keepalive_timeout\" is not allowed in \"upstream\""},
    };

    expect_errors(wrong, COUNT(wrong));
}

/* The table is searched by halves: a name out of order would be unknown. */
Test(grammar, every_directive_is_known)
{
    static const char *const names[] = {
        "add_header",
        "client_body_timeout",
        "client_header_timeout",
        "client_max_body_size",
        "container_socket",
        "cpu_weight",
        "daemon",
        "defaults",
        "error_log",
        "handshake_rate",
        "http2",
        "http2_max_concurrent_streams",
        "keepalive",
        "keepalive_requests",
        "keepalive_timeout",
        "large_client_header_buffers",
        "listen",
        "location",
        "max_connections",
        "max_handshakes",
        "max_memory",
        "netns_shared",
        "observe",
        "pid",
        "proxy_buffering",
        "proxy_connect_timeout",
        "proxy_headers_hash_bucket_size",
        "proxy_headers_hash_max_size",
        "proxy_hide_header",
        "proxy_http_version",
        "proxy_next_upstream",
        "proxy_pass",
        "proxy_read_timeout",
        "proxy_redirect",
        "proxy_request_buffering",
        "proxy_send_timeout",
        "proxy_set_header",
        "proxy_ssl_ciphers",
        "proxy_ssl_name",
        "proxy_ssl_protocols",
        "proxy_ssl_server_name",
        "proxy_ssl_session_reuse",
        "proxy_ssl_trusted_certificate",
        "proxy_ssl_verify",
        "proxy_ssl_verify_depth",
        "return",
        "send_timeout",
        "server_name",
        "server_names_hash_bucket_size",
        "server_names_hash_max_size",
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_ciphers",
        "ssl_client_certificate",
        "ssl_ecdh_curve",
        "ssl_protocols",
        "ssl_trusted_certificate",
        "ssl_verify_client",
        "ssl_verify_depth",
        "tenants",
        "upstream",
        "user",
        "worker_processes",
        "worker_shutdown_timeout",
        "workers_per_tenant",
    };

    for (unsigned i = 0; i < COUNT(names); i++) {
        struct built built;
        const struct diag *diag;
        char text[128];

        snprintf(text, sizeof(text), "netns a;\n%s;", names[i]);
        build_tenant(&built, text);
        STAILQ_FOREACH (diag, &built.diags.items, next)
            cr_expect_null(strstr(diag->message, "unknown directive"), "%s", names[i]);
        free_tenant(&built);
    }
}
