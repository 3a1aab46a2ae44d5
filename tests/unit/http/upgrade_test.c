/* SPDX-License-Identifier: MIT */
/* Which protocols a request is switched to. */
#include "http/message.h"

#include <criterion/criterion.h>

static struct arena arena;

static void open(void)
{
    arena_init(&arena, 1024);
}

static void close(void)
{
    arena_free(&arena);
}

TestSuite(http_upgrade, .init = open, .fini = close);

static struct slice choose(const char *method, int64_t length, const char *connection,
                           const char *const *upgrades)
{
    struct http_request request = {.method = http_method_lookup(slice_of(method)),
                                   .version = HTTP_1_1,
                                   .content_length = length};
    http_fields_init(&request.fields, &arena);
    http_fields_add(&request.fields, SLICE("Connection"), slice_of(connection));
    for (; *upgrades != NULL; upgrades++)
        http_fields_add(&request.fields, SLICE("Upgrade"), slice_of(*upgrades));
    return http_upgrade_choose(&request);
}

Test(http_upgrade, named_protocols_are_chosen)
{
    static const struct {
        const char *method;
        int64_t length;
        const char *upgrades[3];
        const char *chosen;
    } samples[] = {
        {"GET", 0, {"websocket"}, "websocket"},
        {"GET", 0, {"WebSocket"}, "WebSocket"},
        {"GET", 5, {"websocket"}, ""},
        {"GET", HTTP_LENGTH_UNKNOWN, {"websocket"}, ""},
        {"POST", 0, {"websocket"}, ""},
        {"get", 0, {"websocket"}, ""},
        {"HEAD", 0, {"websocket"}, ""},
        {"POST", 0, {"SPDY/3.1"}, "SPDY/3.1"},
        {"GET", 0, {"spdy/3.1"}, "spdy/3.1"},
        {"POST", 0, {"tcp"}, "tcp"},
        {"POST", 7, {"TCP"}, "TCP"},
        {"PUT", HTTP_LENGTH_UNKNOWN, {"tcp"}, "tcp"},
        {"HEAD", 0, {"tcp"}, "tcp"},
        {"ATTACH", 0, {"tcp"}, "tcp"},
        {"POST", 0, {"SPDY/3"}, ""},
        {"POST", 0, {"SPDY"}, ""},
        {"POST", 0, {"tcp/1"}, ""},
        {"GET", 0, {"websocket/13"}, ""},
        {"GET", 0, {"h2c"}, ""},
        {"GET", 0, {"h2"}, ""},
        {"GET", 0, {"HTTP/2.0"}, ""},
        {"GET", 0, {"TLS/1.2"}, ""},
        {"GET", 0, {"foo"}, ""},
        {"GET", 0, {""}, ""},
        {"GET", 0, {"h2c, websocket"}, "websocket"},
        {"GET", 0, {"websocket, h2c"}, "websocket"},
        {"GET", 0, {"foo/1 ,\t WEBSOCKET , tcp"}, "WEBSOCKET"},
        {"POST", 0, {"websocket, SPDY/3.1"}, "SPDY/3.1"},
        {"POST", 0, {"h2c", "tcp"}, "tcp"},
        {"POST", 0, {"\"tcp\""}, ""},
        {"POST", 0, {"tcp;q=1"}, ""},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct slice chosen = choose(samples[i].method, samples[i].length, "keep-alive, UPGRADE",
                                     samples[i].upgrades);
        cr_expect(slice_equal(chosen, slice_of(samples[i].chosen)), "%zu: %.*s", i,
                  SLICE_PRINTF(chosen));
    }
}

Test(http_upgrade, only_of_http_1_1_and_with_connection)
{
    static const char *const tcp[] = {"tcp", NULL};
    static const char *const none[] = {NULL};
    cr_expect_eq(choose("POST", 0, "keep-alive", tcp).len, 0);
    cr_expect_eq(choose("POST", 0, "upgrades", tcp).len, 0);
    cr_expect_eq(choose("POST", 0, "upgrade", none).len, 0);
    for (enum http_version version = HTTP_1_0; version <= HTTP_2; version++) {
        struct http_request request = {.method = METHOD_POST, .version = version};
        http_fields_init(&request.fields, &arena);
        http_fields_add(&request.fields, SLICE("Connection"), SLICE("upgrade"));
        http_fields_add(&request.fields, SLICE("Upgrade"), SLICE("tcp"));
        cr_expect_eq(http_upgrade_choose(&request).len, version == HTTP_1_1 ? 3 : 0);
    }
}

Test(http_upgrade, a_switch_names_what_was_asked_for_or_nothing)
{
    static const struct {
        const char *upgrades[2];
        const char *asked;
        bool confirms;
    } samples[] = {
        {{"tcp"}, "tcp", true},
        {{"TCP"}, "tcp", true},
        {{NULL}, "tcp", true},
        {{"tcp, TCP"}, "tcp", true},
        {{"websocket"}, "tcp", false},
        {{"tcp, h2c"}, "tcp", false},
        {{"tcp", "h2c"}, "tcp", false},
        {{"SPDY/3.1"}, "spdy/3.1", true},
        {{"SPDY/3"}, "SPDY/3.1", false},
        {{NULL}, "", false},
        {{"tcp"}, "", false},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct http_fields fields;
        http_fields_init(&fields, &arena);
        http_fields_add(&fields, SLICE("Connection"), SLICE("upgrade"));
        for (unsigned j = 0; j < 2 && samples[i].upgrades[j] != NULL; j++)
            http_fields_add(&fields, SLICE("Upgrade"), slice_of(samples[i].upgrades[j]));
        cr_expect_eq(http_upgrade_confirms(&fields, slice_of(samples[i].asked)),
                     samples[i].confirms, "%zu", i);
    }
}
