/* SPDX-License-Identifier: MIT */
/* An answer that is made while it is written, so that a long one is never there as a whole. */
#ifndef OBSERVER_FEED_INTERNAL_H
#define OBSERVER_FEED_INTERNAL_H

#include "history/page_json.h"
#include "looks_internal.h"
#include "pack_internal.h"

#include "http/fields.h"
#include "metrics/render.h"

/* What is asked. */
struct feed_request {
    struct slice query;
    struct http_fields fields;
};

/* What a look keeps while an answer is made of it. */
struct feed {
    struct look *look;
    const char *type;   /* of what it is; NULL: the page's */
    bool varies;        /* by what the client accepts */
    struct pack *pack;  /* NULL: it is not packed */
    pack_source *plain; /* json, or render, as text */
    struct page_json json;
    struct metrics_render render;
};

/* Of all tenants, or of the one that ?tenant=NAME says. Return the status: 200 with a feed, 404
 * when there is no such tenant, 503 when nothing can be told. */
int feed_page(struct feed **feed, struct looks *looks, const struct feed_request *request);
int feed_metrics(struct feed **feed, struct looks *looks, const struct feed_request *request);
/* Fills the buffer, METRICS_PIECE bytes at least. Returns how many bytes; 0: that was all. */
size_t feed_read(struct feed *feed, char *buffer, size_t size);
/* NULL is ignored. */
void feed_free(struct feed *feed);

#endif
