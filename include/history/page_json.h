/* SPDX-License-Identifier: MIT */
/* What the page is told: the gateway, and a line for each tenant; or all there is of one. */
#ifndef HISTORY_PAGE_JSON_H
#define HISTORY_PAGE_JSON_H

#include "history/history.h"

/* How far a text has come. Embedded by its owner; what it is made of must live as long. The
 * history may look again before the text is complete: each line looks up there anew what it tells,
 * and nothing of it is kept for the next one. */
struct page_json {
    const struct metrics_snapshot *snapshot;
    const struct history *history;
    double now;  /* CLOCK_REALTIME */
    bool is_one; /* the snapshot is of one tenant: all there is of it */
    unsigned stage;
    uint32_t item; /* tenants that are told */
    uint32_t part; /* that were looked at for certificates */
    uint32_t told; /* parts that are */
};

/* As metrics_render_text: fills a buffer of at least METRICS_PIECE bytes as far as whole entries
 * go. Returns how many bytes; 0: that was all. */
size_t page_json_text(struct page_json *json, char *buffer, size_t size);

#endif
