/* SPDX-License-Identifier: MIT */
/* What goes on to the next hop, and what does not. */
#include "http/fields.h"

#include <criterion/criterion.h>

static struct slice forward(struct arena *arena, const char *const (*pairs)[2], size_t count)
{
    struct http_fields from;
    struct http_fields to;
    struct slice names = SLICE("");
    http_fields_init(&from, arena);
    http_fields_init(&to, arena);
    for (size_t i = 0; i < count; i++)
        http_fields_add(&from, slice_of(pairs[i][0]), slice_of(pairs[i][1]));
    http_fields_forward(&to, &from);
    for (uint32_t i = 0; i < to.count; i++)
        names =
            arena_printf(arena, "%.*s%.*s ", SLICE_PRINTF(names), SLICE_PRINTF(to.items[i].name));
    return names;
}

Test(http_forward, hop_by_hop_fields_stay_here)
{
    static const char *const pairs[][2] = {
        {"Host", "a"},
        {"Connection", "close, X-Hop, host, X-Tenant, Content-Type, upgrade"},
        {"x-hop", "1"},
        {"X-Hops", "2"},
        {"Keep-Alive", "5"},
        {"Proxy-Connection", "x"},
        {"TE", "trailers"},
        {"Transfer-Encoding", "chunked"},
        {"Upgrade", "h2c"},
        {"HTTP2-Settings", "x"},
        {"Trailer", "x"},
        {"X-Tenant", "me"},
        {"Content-Type", "x"},
        {"Cookie", "1"},
        {"Cookie", "2"},
        {"Connection", "x-second"},
        {"X-Second", "x"},
        {"close", "an ordinary name"},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    struct slice names = forward(&arena, pairs, sizeof(pairs) / sizeof(pairs[0]));
    cr_expect(slice_equal(names, SLICE("Host X-Hops Trailer X-Tenant Content-Type Cookie Cookie ")),
              "%.*s", SLICE_PRINTF(names));
    arena_free(&arena);
}

Test(http_forward, disguised_names)
{
    static const char *const pairs[][2] = {
        {"X_Forwarded_For", "1"}, {"X-Forwarded_For", "1"},         {"x_tenant", "1"},
        {"Content_Length", "5"},  {"Transfer_Encoding", "chunked"}, {"my_field", "stays"},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    struct slice names = forward(&arena, pairs, sizeof(pairs) / sizeof(pairs[0]));
    cr_expect(slice_equal(names, SLICE("my_field ")), "%.*s", SLICE_PRINTF(names));
    arena_free(&arena);
}

Test(http_forward, trailers)
{
    static const struct {
        const char *name;
        bool is_trailer;
    } samples[] = {
        {"grpc-status", true},        {"X-Checksum", true},
        {"Content-Digest", true},     {"ETag", true},
        {"Server-Timing", true},      {"Content-Length", false},
        {"Transfer-Encoding", false}, {"Host", false},
        {"Trailer", false},           {"Authorization", false},
        {"Set-Cookie", false},        {"Cookie", false},
        {"Content-Encoding", false},  {"CONTENT-RANGE", false},
        {"If-Match", false},          {"Cache-Control", false},
        {"X-Forwarded-For", false},   {"x_forwarded_for", false},
        {"Connection", false},        {"Range", false},
        {"Forwarded", false},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct http_field field = {.name = slice_of(samples[i].name)};
        field.id = http_field_lookup(field.name);
        cr_expect_eq(http_is_trailer(&field), samples[i].is_trailer, "%s", samples[i].name);
    }
}
