/* SPDX-License-Identifier: MIT */
/* Values of common types, and what is accepted without effect. */
#include "config/config_support.h"

#define AROUND(text) "netns a; server { return 204; \n" text "\n}"

Test(setters, numbers_flags_and_words)
{
    static const struct said wrong[] = {
        {AROUND("keepalive_requests 0;"), 2, 20, "takes a number from 1 to"},
        {AROUND("keepalive_requests ten;"), 2, 20, "\"ten\" is not allowed"},
        {AROUND("http2 maybe;"), 2, 7, "\"http2\" is \"on\" or \"off\""},
        {AROUND("proxy_next_upstream eror;"), 2, 21, "allowed: error, timeout, "},
        {AROUND("proxy_next_upstream off error;"), 2, 21, "\"off\" stands alone"},
        {AROUND("ssl_protocols TLSv1.1 TLSv1.2;"), 2, 15,
         "TLSv1.1 is not supported: it is not safe"},
        {AROUND("ssl_protocols TLSv1.4;"), 2, 15, "allowed: TLSv1.2, TLSv1.3"},
        {AROUND("ssl_ciphers '';"), 2, 13, "is empty"},
        {AROUND("http2_max_concurrent_streams 0;"), 2, 30, "takes a number from 1 to 65535"},
        {AROUND("proxy_redirect default;"), 2, 16, "\"proxy_redirect\" can only be \"off\""},
        {AROUND("proxy_redirect /a /b;"), 2, 16, "\"proxy_redirect\" can only be \"off\""},
        {"netns a; server { return 204; }\nmax_connections 0;", 2, 17, "from 1 to 1000000"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(setters, sizes)
{
    static const struct said wrong[] = {
        {"netns a; server { return 204; }\nmax_memory 1048575;", 2, 12,
         "is out of range: \"max_memory\" is 1048576 to"},
        {"netns a; server { return 204; }\nmax_memory on;", 2, 12,
         "a number of bytes, or one with k, m or g, or \"off\""},
        {AROUND("client_max_body_size off;"), 2, 22, "a number of bytes, or one with k, m or g"},
    };
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"max_memory 1m;", 1024UL * 1024},
                {"max_memory 20000000;", 20000000},
                {"max_memory off;", 0},
                {"max_memory 0;", 0},
                {"", 0}};

    expect_errors(wrong, COUNT(wrong));
    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[128];

        snprintf(text, sizeof(text), "netns a; server { return 204; } %s", good[i].text);
        build_good(&built, text);
        cr_expect_eq(built.tenant.max_memory, good[i].bytes, "%s", good[i].text);
        free_tenant(&built);
    }
}

Test(setters, what_has_no_effect_is_told)
{
    static const struct said warned[] = {
        {AROUND("proxy_buffering on;"), 2, 17, "\"proxy_buffering\" has no effect: bodies stream"},
        {AROUND("proxy_request_buffering on;"), 2, 25, "has no effect"},
        {AROUND("keepalive_timeout 5 6;"), 2, 21, "second time of \"keepalive_timeout\" has no"},
        {"netns a; server { return 204; }\nserver_names_hash_max_size 512;", 2, 1, "no effect"},
    };

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
}
