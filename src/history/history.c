/* SPDX-License-Identifier: MIT */
/* From counters that only grow to what has happened since the last look. */
#include "history/history.h"

#include "base/memory.h"

#include <stdlib.h>

#define WEEK (7 * 86400.)

struct history_traffic {
    uint64_t buckets[SERIES_BUCKETS]; /* at the last look */
    bool has_buckets;                 /* they are known */
    uint32_t quiet;                   /* points in a row without a request */
    struct series series;
};

void history_init(struct history *history)
{
    *history = (struct history){
        .tenants = memory_zeroed(METRICS_TENANTS, sizeof(struct history_tenant)), .reload = -1};
}

static void tenant_forget(struct history_tenant *tenant)
{
    free(tenant->traffic);
    for (unsigned i = 0; tenant->complaints && i < HISTORY_ERRORS; i++)
        free(tenant->complaints->last[i].text);
    free(tenant->complaints);
    *tenant = (struct history_tenant){0};
}

void history_free(struct history *history)
{
    for (uint32_t i = 0; i < METRICS_TENANTS; i++)
        tenant_forget(&history->tenants[i]);
    free(history->tenants);
}

/* ---- counters ---- */

/* What is less than before was read from another's cells: nothing has happened that we know. */
static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint64_t count_errors(const uint64_t *cells)
{
    uint64_t errors = 0;

    for (unsigned i = 0; i < METRIC_PROTOCOLS; i++)
        errors += metrics_value(cells, METRIC_REQUESTS, metric_request(i, 500));
    return errors;
}

/* Latencies of requests before the first look at them are not this moment's. */
static void take_buckets(struct history_traffic *traffic, const uint64_t *cells,
                         struct series_counts *counts)
{
    for (unsigned i = 0; i < SERIES_BUCKETS; i++) {
        uint64_t now = metrics_value(cells, METRIC_REQUEST_DURATION, 1 + i);

        counts->buckets[i] = traffic->has_buckets ? since(now, traffic->buckets[i]) : 0;
        traffic->buckets[i] = now;
    }
    traffic->has_buckets = true;
}

static void take_traffic(struct history *history, struct history_tenant *tenant,
                         const uint64_t *cells)
{
    uint64_t requests = metrics_total(cells, METRIC_REQUESTS);
    uint64_t errors = count_errors(cells);
    struct series_counts counts = {.requests = since(requests, tenant->requests),
                                   .errors = since(errors, tenant->errors)};

    if (counts.requests > 0 && !tenant->traffic) {
        tenant->traffic = memory_zeroed(1, sizeof(*tenant->traffic));
        tenant->traffic->has_buckets = tenant->requests == 0;
    }
    tenant->requests = requests;
    tenant->errors = errors;
    if (!tenant->traffic)
        return;
    take_buckets(tenant->traffic, cells, &counts);
    series_add(&tenant->traffic->series, &counts);
    series_add(&history->all, &counts);
}

/* ---- errors ---- */

static void take_error(struct history_tenant *tenant, struct slice text, double wall)
{
    struct history_errors *errors = tenant->complaints;
    struct slice kept = slice_head(text, HISTORY_ERROR_SIZE);
    struct history_error *next;

    if (!errors && kept.len == 0)
        return;
    if (!errors)
        errors = tenant->complaints = memory_zeroed(1, sizeof(*errors));
    next = &errors->last[(errors->count + HISTORY_ERRORS - 1) % HISTORY_ERRORS];
    if (errors->count > 0 && slice_equal(slice_of(next->text), kept))
        return;
    next = &errors->last[errors->count++ % HISTORY_ERRORS];
    free(next->text);
    *next = (struct history_error){wall, memory_slice_text(kept)};
}

/* ---- a look ---- */

static void take_tenant(struct history *history, struct history_tenant *tenant,
                        const struct metrics_tenant *seen, double wall)
{
    if (!seen || seen->owner != tenant->owner)
        tenant_forget(tenant);
    if (!seen)
        return;
    if (tenant->owner == 0) {
        tenant->owner = seen->owner;
        /* What was counted before anybody looked is not known by time. */
        if (history->began == 0.) {
            tenant->requests = metrics_total(seen->cells, METRIC_REQUESTS);
            tenant->errors = count_errors(seen->cells);
        }
    }
    take_traffic(history, tenant, seen->cells);
    take_error(tenant, seen->text.error, wall);
}

static void take_reloads(struct history *history, const uint64_t *cells, double wall)
{
    for (unsigned i = 0; i < METRIC_RELOAD_OUTCOMES; i++) {
        uint64_t count = metrics_value(cells, METRIC_RELOADS, i);

        if (history->began != 0. && count > history->reloads[i]) {
            history->reload = (int)i;
            history->reload_since = wall;
        }
        history->reloads[i] = count;
    }
}

/* How they all are, for who asks for one of them alone. */
static void count_tenants(struct history *history, const struct metrics_snapshot *snapshot,
                          double wall)
{
    memset(history->states, 0, sizeof(history->states));
    history->expired = history->expiring = history->connections = 0;
    for (uint32_t i = 0; i < snapshot->tenant_count; i++) {
        const uint64_t *cells = snapshot->tenants[i].cells;

        history->connections += (uint32_t)metrics_value(cells, METRIC_CONNECTIONS, 0);
        for (unsigned state = 0; state < METRIC_STATES; state++)
            history->states[state] += metrics_value(cells, METRIC_STATE, state) != 0;
    }
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        double left;

        if (snapshot->parts[i].scope != METRIC_SCOPE_CERTIFICATE)
            continue;
        left = (double)metrics_value(snapshot->parts[i].cells, METRIC_CERTIFICATE_EXPIRY, 0) - wall;
        history->expired += left <= 0;
        history->expiring += left > 0 && left <= WEEK;
    }
}

static uint32_t connections_of(const struct metrics_tenant *tenant)
{
    return tenant ? (uint32_t)metrics_value(tenant->cells, METRIC_CONNECTIONS, 0) : 0;
}

static void step(struct history *history, const struct metrics_snapshot *snapshot, double seconds)
{
    for (uint32_t i = 0; i < METRICS_TENANTS; i++) {
        struct history_traffic *traffic = history->tenants[i].traffic;

        if (!traffic)
            continue;
        traffic->quiet = traffic->series.now.requests > 0 ? 0 : traffic->quiet + 1;
        series_step(&traffic->series, seconds, connections_of(metrics_snapshot_find(snapshot, i)));
        if (traffic->quiet > SERIES_POINTS) {
            free(traffic);
            history->tenants[i].traffic = NULL;
        }
    }
    series_step(&history->all, seconds, history->connections);
}

void history_take(struct history *history, const struct metrics_snapshot *snapshot, double now,
                  double wall)
{
    take_reloads(history, snapshot->gateway, wall);
    count_tenants(history, snapshot, wall);
    for (uint32_t i = 0; i < METRICS_TENANTS; i++)
        take_tenant(history, &history->tenants[i], metrics_snapshot_find(snapshot, i), wall);
    if (history->began == 0.)
        history->began = now;
    /* The looks are not exactly in time. */
    if (now - history->began > SERIES_STEP - HISTORY_EVERY / 2) {
        step(history, snapshot, now - history->began);
        history->began = now;
    }
    history->taken = now;
}

/* ---- what is remembered ---- */

static const struct history_tenant *find(const struct history *history, uint64_t owner)
{
    const struct history_tenant *tenant = &history->tenants[owner % METRICS_TENANTS];

    return tenant->owner == owner ? tenant : NULL;
}

const struct series *history_series(const struct history *history, uint64_t owner)
{
    const struct history_tenant *tenant = find(history, owner);

    return tenant && tenant->traffic ? &tenant->traffic->series : NULL;
}

const struct history_errors *history_errors(const struct history *history, uint64_t owner)
{
    const struct history_tenant *tenant = find(history, owner);

    return tenant ? tenant->complaints : NULL;
}

struct series_point history_now(const struct history *history, const struct series *series,
                                uint32_t connections)
{
    return series_now(series, history->taken - history->began, connections);
}
