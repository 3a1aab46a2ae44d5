/* SPDX-License-Identifier: MIT */
/* What is packed in pieces is unpacked as it was. */
#include "observer/pack_internal.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

#define MUCH (3u << 20)

static size_t told, most;

static char byte_at(size_t i)
{
    return (char)(i * 2654435761u >> (i % 7));
}

static size_t give(void *owner, char *buffer, size_t size)
{
    size_t len = most - told < size ? most - told : size;

    cr_assert_null(owner);
    for (size_t i = 0; i < len; i++)
        buffer[i] = byte_at(told + i);
    told += len;
    return len;
}

static void round_trip(size_t piece)
{
    static unsigned char plain[MUCH + 1];
    struct pack *pack = pack_new(give, NULL);
    z_stream stream = {.next_out = plain, .avail_out = sizeof(plain)};
    char buffer[4096];
    int result = Z_OK;
    size_t len;

    told = 0;
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    while ((len = pack_read(pack, buffer, piece)) > 0) {
        stream.next_in = (unsigned char *)buffer;
        stream.avail_in = (unsigned)len;
        result = inflate(&stream, Z_NO_FLUSH);
    }
    cr_assert_eq(result, Z_STREAM_END);
    cr_assert_eq(stream.total_out, most);
    for (size_t i = 0; i < most; i++)
        cr_assert_eq((char)plain[i], byte_at(i));
    cr_assert_eq(pack_read(pack, buffer, piece), 0, "it stays at its end");
    inflateEnd(&stream);
    pack_free(pack);
}

Test(pack, is_unpacked_as_it_was)
{
    most = 0;
    round_trip(4096);
    most = 5;
    round_trip(1);
    most = MUCH;
    round_trip(4096);
    pack_free(NULL);
}
