/* SPDX-License-Identifier: MIT */
/* What happened in the last fifteen minutes, point by point, and at the moment; pure. */
#ifndef HISTORY_SERIES_H
#define HISTORY_SERIES_H

#include "metrics/table.h"

#define SERIES_STEP    15 /* seconds of a point */
#define SERIES_POINTS  60
#define SERIES_BUCKETS (METRIC_CELLS_DURATION - 1)

/* What happened in some time. */
struct series_counts {
    uint64_t requests;
    uint64_t errors; /* of them, those answered with 5xx */
    uint64_t buckets[SERIES_BUCKETS];
};

/* By second, and in seconds; a latency is negative where there was no request. */
struct series_point {
    float rate;
    float errors;
    float p50;
    float p99;
    uint32_t connections; /* at its end */
};

/* Embedded by its owner; all zero is one in which nothing has happened. */
struct series {
    struct series_counts now;    /* of the point that is not complete */
    struct series_counts before; /* of the last one that is */
    float before_seconds;        /* that it took; 0: there is none */
    uint32_t count;              /* of complete points */
    uint32_t first;              /* of them, in the ring */
    struct series_point points[SERIES_POINTS];
};

void series_add(struct series *series, const struct series_counts *counts);

/* The point is complete after so many seconds; if it took as long as several, it is so many. */
void series_step(struct series *series, double seconds, uint32_t connections);

/* The complete points, the oldest first. */
const struct series_point *series_at(const struct series *series, uint32_t index);

/* How it is now: over the last complete point and the seconds since. */
struct series_point series_now(const struct series *series, double seconds, uint32_t connections);

#endif
