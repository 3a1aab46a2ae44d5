/* SPDX-License-Identifier: MIT */
/* An answer that is made while it is written, so that a long one is never there as a whole. */
#ifndef OBSERVER_FEED_INTERNAL_H
#define OBSERVER_FEED_INTERNAL_H

#include "history/page_json.h"
#include "looks_internal.h"

#include "metrics/render.h"

/* What a look keeps while an answer is made of it. */
struct feed {
    struct look *look;
    struct page_json json;
};

/* Of all tenants, or of the one that ?tenant=NAME says.  NULL when nothing can
 * be told. */
struct feed *feed_page(struct looks *looks, struct slice query);
/* Fills the buffer, METRICS_PIECE bytes at least. Returns how many bytes; 0: that was all. */
size_t feed_read(struct feed *feed, char *buffer, size_t size);
/* NULL is ignored. */
void feed_free(struct feed *feed);

#endif
