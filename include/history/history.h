/* SPDX-License-Identifier: MIT */
/* What the observer remembers of the figures: for each tenant with traffic a curve of fifteen
 * minutes, and the last errors of those that had any. A tenant with neither costs an entry of a
 * table. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include "history/series.h"

#include "metrics/reader.h"

#define HISTORY_EVERY      5.0 /* seconds between two looks */
#define HISTORY_ERRORS     8   /* that are kept of a tenant */
#define HISTORY_ERROR_SIZE 512 /* bytes of one at most; the rest is cut */

struct history_error {
    double since; /* CLOCK_REALTIME */
    char *text;   /* its own */
};

/* The last ones, in a ring; an empty text says that all was well from then on. */
struct history_errors {
    uint32_t count; /* that there have ever been */
    struct history_error last[HISTORY_ERRORS];
};

struct history_traffic;

struct history_tenant {
    uint64_t owner; /* 0: nobody's */
    uint64_t requests;
    uint64_t errors;
    struct history_traffic *traffic;   /* NULL: none in the last fifteen minutes */
    struct history_errors *complaints; /* NULL: never any */
};

/* Embedded by its owner. */
struct history {
    struct history_tenant *tenants; /* by slot of the board */
    struct series all;              /* of all tenants together */
    double began;                   /* loop_now() of the present point; 0: nothing was seen */
    double taken;                   /* of the last look */
    /* As all tenants were at the last look. */
    uint32_t states[METRIC_STATES];
    uint32_t expired;  /* tenants' certificates */
    uint32_t expiring; /* that do so within a week */
    uint32_t connections;
    uint64_t reloads[METRIC_RELOAD_OUTCOMES];
    int reload;          /* the outcome of the last one that was seen; -1: none was */
    double reload_since; /* CLOCK_REALTIME */
};

void history_init(struct history *history);
void history_free(struct history *history);

/* A snapshot of all tenants. now: loop_now(); wall: CLOCK_REALTIME. */
void history_take(struct history *history, const struct metrics_snapshot *snapshot, double now,
                  double wall);

/* NULL: nothing is remembered. They stay until the next look. */
const struct series *history_series(const struct history *history, uint64_t owner);
const struct history_errors *history_errors(const struct history *history, uint64_t owner);

/* How it is: of the tenant, with what its connections are by now. */
struct series_point history_now(const struct history *history, const struct series *series,
                                uint32_t connections);

#endif
