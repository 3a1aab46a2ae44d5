/* SPDX-License-Identifier: MIT */
/* Paths as locations see them, and as they are written again. */
#include "base/error.h"
#include "http/message.h"

#include <criterion/criterion.h>

Test(http_path, normalize)
{
    static const struct {
        const char *path;
        const char *normalized; /* NULL: ERROR_TARGET */
    } samples[] = {
        {"/", "/"},
        {"*", "/"},
        {"/a/b", "/a/b"},
        {"/a%20b%41", "/a bA"},
        {"/a+b", "/a+b"},
        {"/%e4%E4", "/\xe4\xe4"},
        {"/a//b///c/", "/a/b/c/"},
        {"//a", "/a"},
        {"/./a/./b/.", "/a/b/"},
        {"/a/../b", "/b"},
        {"/a/b/..", "/a/"},
        {"/a/..", "/"},
        {"/a/b/../../c", "/c"},
        {"/a//../b", "/b"},
        {"/a/%2e%2E/b", "/b"},
        {"/a%2fb", "/a/b"},
        {"/a%2F%2e%2e%2Fb", "/b"},
        {"/a/.%2e/b", "/b"},
        {"/%252e%252e/a", "/%2e%2e/a"},
        {"/%3fa%23b", "/?a#b"},
        {"/.well-known/x", "/.well-known/x"},
        {"/a/...", "/a/..."},
        {"/a/..b/.c", "/a/..b/.c"},
        {"/a/b/.../..", "/a/b/"},
        {"", NULL},
        {"a", NULL},
        {"/..", NULL},
        {"/../a", NULL},
        {"/a/../..", NULL},
        {"/a/../../a", NULL},
        {"//../a", NULL},
        {"/%2e%2e", NULL},
        {"/%2e%2e%2fa", NULL},
        {"/%00", NULL},
        {"/a%", NULL},
        {"/a%4", NULL},
        {"/a%4g", NULL},
        {"/a%g4", NULL},
        {"/a%u0041", NULL},
        {"/%-1", NULL},
    };
    struct arena arena;
    arena_init(&arena, 1024);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct slice normalized;
        int error = http_path_normalize(&arena, slice_of(samples[i].path), &normalized);
        cr_expect_eq(error, samples[i].normalized ? 0 : ERROR_TARGET, "%s", samples[i].path);
        if (error == 0 && samples[i].normalized)
            cr_expect(slice_equal(normalized, slice_of(samples[i].normalized)), "%s: %.*s",
                      samples[i].path, SLICE_PRINTF(normalized));
    }
    struct slice normalized;
    cr_expect_eq(http_path_normalize(&arena, SLICE("/a\0b"), &normalized), ERROR_TARGET);
    arena_free(&arena);
}

Test(http_path, ordinary_paths_cost_nothing)
{
    struct arena arena;
    struct slice normalized;
    struct slice path = SLICE("/static/js/app.min.js");
    arena_init(&arena, 1024);
    cr_expect_eq(http_path_normalize(&arena, path, &normalized), 0);
    cr_expect_eq(normalized.data, path.data);
    cr_expect_eq(http_path_encode(&arena, path).data, path.data);
    cr_expect_eq(arena_footprint(&arena), 0);
    arena_free(&arena);
}

Test(http_path, encode)
{
    struct arena arena;
    arena_init(&arena, 1024);
    struct slice encoded = http_path_encode(&arena, SLICE("/a b%?#\xe4\r\n\0/c:@&=+$,;~\x7f\"<>"));
    cr_expect(slice_equal(encoded, SLICE("/a%20b%25%3F%23%E4%0D%0A%00/c:@&=+$,;~%7F%22%3C%3E")),
              "%.*s", SLICE_PRINTF(encoded));
    arena_free(&arena);
}
