/* SPDX-License-Identifier: MIT */
/* A ring of points, and the latencies that buckets tell. */
#include "history/series.h"

#include <string.h>

void series_add(struct series *series, const struct series_counts *counts)
{
    series->now.requests += counts->requests;
    series->now.errors += counts->errors;
    for (unsigned i = 0; i < SERIES_BUCKETS; i++)
        series->now.buckets[i] += counts->buckets[i];
}

/* Within its bucket a request may lie anywhere: as if they were spread evenly. What is beyond the
 * last bound is at least that. */
static float quantile(const uint64_t buckets[SERIES_BUCKETS], double part)
{
    uint32_t bounds;
    const uint64_t *bound = metric_bounds(&bounds);
    uint64_t count = 0, below = 0;
    double rank;

    for (unsigned i = 0; i < SERIES_BUCKETS; i++)
        count += buckets[i];
    if (count == 0)
        return -1;
    rank = part * (double)count;
    for (uint32_t i = 0; i < bounds; i++) {
        double low = i > 0 ? (double)bound[i - 1] : 0, high = (double)bound[i];

        if (buckets[i] > 0 && (double)(below + buckets[i]) >= rank)
            return (float)((low + (high - low) * (rank - (double)below) / (double)buckets[i]) /
                           1e9);
        below += buckets[i];
    }
    return (float)((double)bound[bounds - 1] / 1e9);
}

static struct series_point point_of(const struct series_counts *counts, double seconds,
                                    uint32_t connections)
{
    return (struct series_point){.rate = (float)((double)counts->requests / seconds),
                                 .errors = (float)((double)counts->errors / seconds),
                                 .p50 = quantile(counts->buckets, 0.5),
                                 .p99 = quantile(counts->buckets, 0.99),
                                 .connections = connections};
}

void series_step(struct series *series, double seconds, uint32_t connections)
{
    struct series_point point = point_of(&series->now, seconds, connections);
    uint32_t repeat = seconds < SERIES_STEP * 1.5 ? 1
                      : seconds > (double)SERIES_STEP * SERIES_POINTS
                          ? SERIES_POINTS
                          : (uint32_t)(seconds / SERIES_STEP + 0.5);

    while (repeat-- > 0) {
        series->points[(series->first + series->count) % SERIES_POINTS] = point;
        if (series->count < SERIES_POINTS)
            series->count++;
        else
            series->first = (series->first + 1) % SERIES_POINTS;
    }
    series->before = series->now;
    series->before_seconds = (float)seconds;
    memset(&series->now, 0, sizeof(series->now));
}

const struct series_point *series_at(const struct series *series, uint32_t index)
{
    return &series->points[(series->first + index) % SERIES_POINTS];
}

struct series_point series_now(const struct series *series, double seconds, uint32_t connections)
{
    struct series both = *series;

    series_add(&both, &series->before);
    seconds += series->before_seconds;
    return point_of(&both.now, seconds > 1 ? seconds : 1, connections);
}
