/* SPDX-License-Identifier: MIT */
/* Answers that are made piece by piece of one look. */
#include "feed_internal.h"

#include "accept_internal.h"

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

/* Of "a=b&tenant=NAME". Returns whether it is there. */
static bool find_tenant(struct slice query, struct slice *value)
{
    static const struct slice key = {"tenant=", 7};

    while (query.len > 0) {
        const char *end = memchr(query.data, '&', query.len);
        struct slice item = slice_head(query, end ? (size_t)(end - query.data) : query.len);

        if (slice_starts_with(item, key)) {
            *value = slice_from(item, key.len);
            return true;
        }
        query = slice_from(query, item.len + (end ? 1 : 0));
    }
    return false;
}

static int feed_open(struct feed **feed, struct looks *looks, struct slice query, bool *is_one)
{
    char name[NAME_MAX_BYTES];
    struct slice value, tenant = SLICE("");
    struct look *look;

    *feed = NULL;
    *is_one = find_tenant(query, &value);
    if (*is_one) {
        tenant = (struct slice){name, decode(value, name)};
        if (tenant.len == 0) /* what cannot be a name is nobody's */
            tenant = SLICE("/");
    }
    look = looks_at(looks, tenant);
    if (!look)
        return 503;
    *feed = memory_zeroed(1, sizeof(**feed));
    (*feed)->look = look;
    return *is_one && look->snapshot->tenant_count == 0 ? 404 : 200;
}

/* ---- /page.json ---- */

static size_t page_plain(void *owner, char *buffer, size_t size)
{
    return page_json_text(&((struct feed *)owner)->json, buffer, size);
}

/* Nobody's page is one without a tenant. */
int feed_page(struct feed **feed, struct looks *looks, const struct feed_request *request)
{
    bool is_one;
    int status = feed_open(feed, looks, request->query, &is_one);

    if (!*feed)
        return status;
    (*feed)->plain = page_plain;
    (*feed)->json = (struct page_json){.snapshot = (*feed)->look->snapshot,
                                       .history = &looks->history,
                                       .now = loop_wall(looks->loop),
                                       .is_one = is_one};
    return 200;
}

/* ---- /metrics ---- */

static enum metrics_format format_of(const struct http_fields *fields)
{
    unsigned open = accept_quality(fields, SLICE("Accept"), SLICE("application/openmetrics-text"));
    unsigned text = accept_quality(fields, SLICE("Accept"), SLICE("text/plain"));

    return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

static bool wants_gzip(const struct http_fields *fields)
{
    const struct slice field = SLICE("Accept-Encoding");
    unsigned gzip = accept_quality(fields, field, SLICE("gzip"));

    return gzip > 0 && gzip >= accept_quality(fields, field, SLICE("identity"));
}

static size_t metrics_plain(void *owner, char *buffer, size_t size)
{
    return metrics_render_text(&((struct feed *)owner)->render, buffer, size);
}

int feed_metrics(struct feed **feed, struct looks *looks, const struct feed_request *request)
{
    enum metrics_format format = format_of(&request->fields);
    bool is_one;
    int status = feed_open(feed, looks, request->query, &is_one);

    if (status != 200) {
        feed_free(*feed);
        *feed = NULL;
        return status;
    }
    (*feed)->type = format == METRICS_OPENMETRICS
                        ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                        : "text/plain; version=0.0.4; charset=utf-8";
    (*feed)->varies = true;
    (*feed)->plain = metrics_plain;
    metrics_render_init(&(*feed)->render, (*feed)->look->snapshot, format);
    (*feed)->render.is_of_one = is_one;
    if (wants_gzip(&request->fields))
        (*feed)->pack = pack_new(metrics_plain, *feed);
    return 200;
}

/* ---- both ---- */

size_t feed_read(struct feed *feed, char *buffer, size_t size)
{
    return feed->pack ? pack_read(feed->pack, buffer, size) : feed->plain(feed, buffer, size);
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    pack_free(feed->pack);
    look_unref(feed->look);
    free(feed);
}
