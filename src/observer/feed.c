/* SPDX-License-Identifier: MIT */
/* Answers that are made piece by piece of one look. */
#include "feed_internal.h"

#include "base/memory.h"
#include "http/characters.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 1024 /* of a tenant's name that is asked for */

/* Undoes %HH and '+'. Returns the length; 0: it is too long, or half an escape. */
static size_t decode(struct slice from, char to[NAME_MAX_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < from.len; i++, len++) {
        int high, low;

        if (len == NAME_MAX_BYTES)
            return 0;
        to[len] = from.data[i] == '+' ? ' ' : from.data[i];
        if (from.data[i] != '%')
            continue;
        high = i + 2 < from.len ? http_hex_digit(from.data[i + 1]) : -1;
        low = i + 2 < from.len ? http_hex_digit(from.data[i + 2]) : -1;
        if (high < 0 || low < 0)
            return 0;
        to[len] = (char)(high * 16 + low);
        i += 2;
    }
    return len;
}

struct feed *feed_page(struct looks *looks, struct slice query)
{
    static const struct slice key = {"tenant=", 7};
    bool is_one = slice_starts_with(query, key);
    char name[NAME_MAX_BYTES];
    struct slice tenant = {name, is_one ? decode(slice_from(query, key.len), name) : 0};
    struct look *look;
    struct feed *feed;

    /* What cannot be a name is nobody's. */
    if (is_one && tenant.len == 0)
        tenant = SLICE("/");
    look = looks_at(looks, tenant);
    if (!look)
        return NULL;
    feed = memory_zeroed(1, sizeof(*feed));
    feed->look = look;
    feed->json = (struct page_json){.snapshot = look->snapshot,
                                    .history = &looks->history,
                                    .now = loop_wall(looks->loop),
                                    .is_one = is_one};
    return feed;
}

size_t feed_read(struct feed *feed, char *buffer, size_t size)
{
    return page_json_text(&feed->json, buffer, size);
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    look_unref(feed->look);
    free(feed);
}
