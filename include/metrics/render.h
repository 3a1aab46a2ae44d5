/* SPDX-License-Identifier: MIT */
/* A snapshot as text for Prometheus, piece by piece. */
#ifndef METRICS_RENDER_H
#define METRICS_RENDER_H

#include "metrics/reader.h"

enum metrics_format {
    METRICS_PROMETHEUS, /* text/plain; version=0.0.4; charset=utf-8 */
    METRICS_OPENMETRICS /* application/openmetrics-text; version=1.0.0; charset=utf-8 */
};

/* How far a text has come. Embedded by its owner; the snapshot must live as long. */
struct metrics_render {
    const struct metrics_snapshot *snapshot;
    enum metrics_format format;
    unsigned metric;
    uint32_t item;
    uint32_t cell;
    uint64_t count; /* of a histogram, in the buckets until there */
    bool is_of_one; /* a tenant alone: without what is the gateway's and the workers' */
    bool has_begun; /* HELP and TYPE of the metric are written */
    bool has_ended;
};

/* A buffer is at least that long. */
#define METRICS_PIECE 32768

void metrics_render_init(struct metrics_render *render, const struct metrics_snapshot *snapshot,
                         enum metrics_format format);
/* Fills the buffer as far as whole lines go. Returns how many bytes; 0: that was all. */
size_t metrics_render_text(struct metrics_render *render, char *buffer, size_t size);

#endif
