/* SPDX-License-Identifier: MIT */
/* Targets and authorities. */
#include "base/error.h"
#include "http/message.h"

#include <criterion/criterion.h>

#define expect_slice(actual, expected)                                                             \
    cr_expect(slice_equal(actual, slice_of(expected)), "'%.*s' is not '%s'", SLICE_PRINTF(actual), \
              expected)

Test(http_target, forms)
{
    static const struct {
        const char *target;
        enum http_method method;
        int error;
        const char *rest, *path, *query, *authority;
    } samples[] = {
        {"/", METHOD_GET, 0, "/", "/", "", ""},
        {"/a/b?c=d", METHOD_GET, 0, "/a/b?c=d", "/a/b", "c=d", ""},
        {"/a?", METHOD_GET, 0, "/a?", "/a", "", ""},
        {"//a.test/b", METHOD_GET, 0, "//a.test/b", "//a.test/b", "", ""},
        {"*", METHOD_OPTIONS, 0, "*", "*", "", ""},
        {"http://a.test:80/b?c", METHOD_GET, 0, "/b?c", "/b", "c", "a.test:80"},
        {"HTTPS://a.test", METHOD_GET, 0, "/", "/", "", "a.test"},
        {"http://a.test", METHOD_OPTIONS, 0, "*", "*", "", "a.test"},
        {"http://a.test?x/y", METHOD_GET, 0, "/?x/y", "/", "x/y", "a.test"},
        {"*", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"a", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"/a b", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"/a#b", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"/a\x7f", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"/a\r\nb", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"a.test:443", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"http:///a", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"http:/a", METHOD_GET, ERROR_TARGET, "", "", "", ""},
        {"file:///etc", METHOD_GET, ERROR_TARGET, "", "", "", ""},
    };
    struct arena arena;
    arena_init(&arena, 1024);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct http_request request = {.method = samples[i].method};
        http_fields_init(&request.fields, &arena);
        int error = http_target_parse(&request, slice_of(samples[i].target));
        cr_expect_eq(error, samples[i].error, "%s", samples[i].target);
        if (error != 0)
            continue;
        expect_slice(request.target, samples[i].rest);
        expect_slice(request.path, samples[i].path);
        expect_slice(request.query, samples[i].query);
        expect_slice(request.authority, samples[i].authority);
        cr_expect_eq(request.has_query, strchr(samples[i].target, '?') != NULL);
    }
    arena_free(&arena);
}

Test(http_target, authorities)
{
    static const struct {
        const char *authority;
        const char *host; /* NULL: malformed */
    } samples[] = {
        {"a.test", "a.test"},
        {"A.TEST:0", "a.test"},
        {"a.test:65535", "a.test"},
        {"a.test:", "a.test"},
        {"Xn--Bcher-Kva.Test.", "xn--bcher-kva.test"},
        {"a.test.:80", "a.test"},
        {"127.0.0.1:80", "127.0.0.1"},
        {"[::1]", "[::1]"},
        {"[2001:DB8::A]:443", "[2001:db8::a]"},
        {"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"},
        {"", NULL},
        {":80", NULL},
        {".", NULL},
        {"..", NULL},
        {"a..b", NULL},
        {"a.test:65536", NULL},
        {"a.test:-1", NULL},
        {"a.test: 80", NULL},
        {"a.test:80:", NULL},
        {"a@b", NULL},
        {"a/b", NULL},
        {"a b", NULL},
        {"a,b", NULL},
        {"a;b", NULL},
        {"a%41", NULL},
        {"a\xc3\xa4", NULL},
        {"[]", NULL},
        {"[::1", NULL},
        {"[::1]80", NULL},
        {"[v1.x]", NULL},
        {"[1.2.3.4]", NULL},
        {"[1:2:3:4:5:6:7:8:9]", NULL},
        {"]", NULL},
    };
    struct arena arena;
    arena_init(&arena, 1024);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct http_request request = {0};
        struct slice authority = slice_of(samples[i].authority);
        int error = http_authority_parse(&request, &arena, authority);
        cr_expect_eq(error, samples[i].host ? 0 : ERROR_HOST, "%s", samples[i].authority);
        if (error == 0 && samples[i].host) {
            expect_slice(request.host, samples[i].host);
            expect_slice(request.authority, samples[i].authority);
        }
    }
    char long_name[300];
    struct http_request request = {0};
    memset(long_name, 'a', sizeof(long_name));
    cr_expect_eq(http_authority_parse(&request, &arena, (struct slice){long_name, 255}), 0);
    cr_expect_eq(http_authority_parse(&request, &arena, (struct slice){long_name, 256}),
                 ERROR_HOST);
    arena_free(&arena);
}
