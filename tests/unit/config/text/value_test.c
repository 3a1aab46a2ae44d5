/* SPDX-License-Identifier: MIT */
/* Times and sizes as they are written. */
#include "config/config_support.h"

#define AROUND(text) "netns a; server { return 204; \n" text "\n}"

Test(value, times)
{
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"30", 30},
                {"500ms", 0.5},
                {"2s", 2},
                {"1m", 60},
                {"1h30m", 5400},
                {"1d", 86400},
                {"1h 1m 1s 1ms", 3661.001},
                {"1w", 604800},
                {"1m30", 90}};

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[128];

        snprintf(text, sizeof(text), AROUND("send_timeout \"%s\";"), good[i].text);
        build_good(&built, text);
        cr_expect_float_eq(built.tenant.servers[0].settings->send_timeout, good[i].seconds, 1e-9,
                           "%s", good[i].text);
        free_tenant(&built);
    }
}

Test(value, bad_times)
{
    static const struct said wrong[] = {
        {AROUND("send_timeout abc;"), 2, 14, "\"abc\" is no time: \"send_timeout\" takes"},
        {AROUND("send_timeout '';"), 2, 14, "is no time"},
        {AROUND("send_timeout -1;"), 2, 14, "is no time"},
        {AROUND("send_timeout 1m1h;"), 2, 14, "is no time"},
        {AROUND("send_timeout 1s1s;"), 2, 14, "is no time"},
        {AROUND("send_timeout 1s5;"), 2, 14, "is no time"},
        {AROUND("send_timeout 1.5s;"), 2, 14, "is no time"},
        {AROUND("send_timeout s;"), 2, 14, "is no time"},
        {AROUND("send_timeout 99999999999999999999;"), 2, 14, "is no time"},
        {AROUND("send_timeout 0;"), 2, 14, "is out of range: \"send_timeout\" is 1ms to 31536000s"},
        {AROUND("send_timeout 2y;"), 2, 14, "is out of range"},
        {AROUND("keepalive_timeout 1 x;"), 2, 21, "\"x\" is no time"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(value, sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},     {"17", 17},      {"4k", 4096},
                {"4K", 4096}, {"2m", 2097152}, {"3G", 3221225472}};
    static const struct said wrong[] = {
        {AROUND("client_max_body_size x;"), 2, 22, "\"x\" is no size"},
        {AROUND("client_max_body_size k;"), 2, 22, "is no size"},
        {AROUND("client_max_body_size 1kb;"), 2, 22, "is no size"},
        {AROUND("client_max_body_size 9999999999g;"), 2, 22, "is no size"},
        {AROUND("client_max_body_size -1;"), 2, 22, "is no size"},
        {AROUND("large_client_header_buffers 0 8k;"), 2, 29, "is 1 to 64"},
        {AROUND("large_client_header_buffers 4 1;"), 2, 31, "is 512 bytes to 1m"},
        {AROUND("large_client_header_buffers 64 1m;"), 2, 29, "at most 1m"},
    };

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[128];

        snprintf(text, sizeof(text), AROUND("client_max_body_size %s;"), good[i].text);
        build_good(&built, text);
        cr_expect_eq(built.tenant.servers[0].settings->client_max_body_size, good[i].bytes);
        free_tenant(&built);
    }
    expect_errors(wrong, COUNT(wrong));
}
