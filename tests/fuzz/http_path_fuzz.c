/* SPDX-License-Identifier: MIT */
/* rooms: http base */
/* Targets, authorities and paths: what is accepted is in normal form, and stays as it is. */
#include "base/error.h"
#include "http/characters.h"
#include "http/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_path(struct arena *arena, struct slice path)
{
    struct slice normal;
    struct slice again;
    int error = http_path_normalize(arena, path, &normal);
    check(error == 0 || error == ERROR_TARGET);
    if (error != 0 || slice_equal(normal, SLICE("*")))
        return;
    check(normal.len > 0 && normal.data[0] == '/' && normal.len <= path.len);
    check(memchr(normal.data, '\0', normal.len) == NULL);
    for (size_t at = 0; at < normal.len;) {
        const char *slash = memchr(normal.data + at + 1, '/', normal.len - at - 1);
        size_t end = slash ? (size_t)(slash - normal.data) : normal.len;
        struct slice segment = {normal.data + at + 1, end - at - 1};
        check(segment.len > 0 || end == normal.len);
        check(!slice_equal(segment, SLICE(".")) && !slice_equal(segment, SLICE("..")));
        at = end;
    }
    struct slice encoded = http_path_encode(arena, normal);
    for (size_t i = 0; i < encoded.len; i++)
        check(encoded.data[i] > ' ' && encoded.data[i] < 0x7f);
    check(http_path_normalize(arena, encoded, &again) == 0);
    check(slice_equal(again, normal));
}

static void check_authority(struct arena *arena, struct slice authority)
{
    struct http_request request = {0};
    struct http_request again = {0};
    int error = http_authority_parse(&request, arena, authority);
    check(error == 0 || error == ERROR_HOST);
    if (error != 0)
        return;
    check(request.host.len > 0 && request.host.len <= authority.len);
    check(http_authority_parse(&again, arena, request.host) == 0);
    check(slice_equal(again.host, request.host));
}

static void check_target(struct arena *arena, struct slice target, enum http_method method)
{
    struct http_request request = {.method = method};
    struct http_request again = {.method = method};
    http_fields_init(&request.fields, arena);
    int error = http_target_parse(&request, target);
    check(error == 0 || error == ERROR_TARGET);
    if (error != 0)
        return;
    check(http_target_parse(&again, request.target) == 0);
    check(again.authority.len == 0 && slice_equal(again.path, request.path));
    check(slice_equal(again.query, request.query) && again.has_query == request.has_query);
    for (size_t i = 0; i < request.target.len; i++)
        check(http_char_is(request.target.data[i], HTTP_CHAR_TARGET));
    check_path(arena, request.path);
    if (request.authority.len > 0)
        check_authority(arena, request.authority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct slice rest = bytes;
    struct slice member;
    struct arena arena;
    arena_init(&arena, 1024);
    check_path(&arena, bytes);
    check_authority(&arena, bytes);
    check_target(&arena, bytes, METHOD_GET);
    check_target(&arena, bytes, METHOD_OPTIONS);
    while (http_list_next(&rest, &member))
        check(member.len > 0);
    arena_free(&arena);
    return 0;
}
