/* SPDX-License-Identifier: MIT */
/* From two statuses to rates. */
#include "rates_internal.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATES_BUCKETS 64 /* more than histograms have */

/* Requests by the seconds that they took at most. */
struct durations {
    double bounds[RATES_BUCKETS];
    double counts[RATES_BUCKETS];
    unsigned used;
};

static double rates_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* ---- counters ---- */

/* How much a counter has grown: from 0, if it is another gateway's by now. */
static double rates_grown(const json_t *before, const json_t *now, const char *key)
{
    double later = rates_number(now, key), earlier = rates_number(before, key);

    return later < earlier ? later : later - earlier;
}

static double rates_failed(const json_t *before, const json_t *now)
{
    return rates_grown(json_object_get(before, "requests_by_code"),
                       json_object_get(now, "requests_by_code"), "5xx");
}

/* ---- durations ---- */

static void durations_add(struct durations *durations, const json_t *before, const json_t *now)
{
    const json_t *earlier = json_object_get(before, "request_durations");
    json_t *later = json_object_get(now, "request_durations");
    const char *bound;
    json_t *count;
    unsigned i = 0;

    json_object_foreach(later, bound, count)
    {
        if (i == RATES_BUCKETS)
            break;
        durations->bounds[i] = strtod(bound, NULL);
        durations->counts[i++] += rates_grown(earlier, later, bound);
    }
    durations->used = i > durations->used ? i : durations->used;
}

/* Within its bucket a request may be anywhere: as Prometheus' histogram_quantile has it. */
static double durations_p99(const struct durations *durations)
{
    double total = 0, rank, below = 0, low = 0;

    for (unsigned i = 0; i < durations->used; i++)
        total += durations->counts[i];
    if (total <= 0)
        return RATE_UNKNOWN;
    rank = total * .99;
    for (unsigned i = 0; i < durations->used; i++) {
        double count = durations->counts[i], bound = durations->bounds[i];

        if (count > 0 && below + count >= rank)
            return isinf(bound) ? bound : low + (bound - low) * (rank - below) / count;
        below += count;
        low = bound;
    }
    return INFINITY;
}

/* ---- tenants ---- */

static const char *rates_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void rates_one(struct rate *rate, const json_t *before, const json_t *now, double seconds)
{
    struct durations durations = {0};

    *rate = (struct rate){.name = rates_text(now, "tenant"),
                          .state = rates_text(now, "state"),
                          .requests = rates_grown(before, now, "requests") / seconds,
                          .errors = RATE_UNKNOWN,
                          .connections = rates_number(now, "connections")};
    if (json_object_get(now, "requests_by_code"))
        rate->errors = rates_failed(before, now) / seconds;
    durations_add(&durations, before, now);
    rate->p99 = durations_p99(&durations);
}

static void rates_forget(struct rate *rate)
{
    rate->requests = rate->errors = rate->p99 = RATE_UNKNOWN;
}

/* By name, with no reference of its own. */
static json_t *rates_index(const json_t *gateway)
{
    json_t *index = json_object(), *tenant;
    size_t i;

    json_array_foreach(json_object_get(gateway, "tenants"), i, tenant)
    {
        json_object_set(index, rates_text(tenant, "tenant"), tenant);
    }
    return index;
}

static void rates_all(struct rates *rates, const json_t *index, const json_t *now)
{
    struct durations durations = {0};
    json_t *tenant;
    size_t i;

    json_array_foreach(json_object_get(now, "tenants"), i, tenant)
    {
        durations_add(&durations, json_object_get(index, rates->each[i].name), tenant);
        rates->all.requests += rates->each[i].requests;
        rates->all.errors += rates->each[i].errors;
    }
    rates->all.p99 = durations_p99(&durations);
    if (rates->count > 0 && rates->each[0].errors < 0)
        rates->all.errors = RATE_UNKNOWN;
}

void rates_make(struct rates *rates, const json_t *before, const json_t *now, double seconds)
{
    const json_t *tenants = json_object_get(now, "tenants");
    json_t *index = rates_index(before), *tenant;
    size_t i;

    *rates = (struct rates){.count = json_array_size(tenants)};
    rates->each = memory_zeroed(rates->count + 1, sizeof(*rates->each));
    json_array_foreach(tenants, i, tenant)
    {
        struct rate *rate = &rates->each[i];

        rates_one(rate, json_object_get(index, rates_text(tenant, "tenant")), tenant, seconds);
        rates->serving += strcmp(rate->state, "serving") == 0;
        if (!before)
            rates_forget(rate);
    }
    rates_all(rates, index, now);
    if (!before)
        rates_forget(&rates->all);
    rates->all.connections = rates_number(now, "connections");
    json_decref(index);
}

void rates_free(struct rates *rates)
{
    free(rates->each);
    *rates = (struct rates){0};
}

/* ---- order ---- */

struct rate_comparison {
    enum rate_order order;
    bool is_reversed;
};

static double rate_weight(const struct rate *rate, enum rate_order order)
{
    switch (order) {
    case RATE_BY_REQUESTS:
        return rate->requests;
    case RATE_BY_ERRORS:
        return rate->errors;
    case RATE_BY_P99:
        return rate->p99;
    case RATE_BY_CONNECTIONS:
        return rate->connections;
    default:
        return 0;
    }
}

static int rate_compare_in(const struct rate *a, const struct rate *b, enum rate_order order)
{
    double first = rate_weight(a, order), second = rate_weight(b, order);

    if (order == RATE_BY_STATE)
        return (strcmp(a->state, "serving") == 0) - (strcmp(b->state, "serving") == 0);
    return (second > first) - (second < first);
}

/* The name settles what is equal, so that no line moves without a reason. */
static int rate_compare(const void *a, const void *b, void *context)
{
    const struct rate_comparison *comparison = context;
    const struct rate *first = a, *second = b;
    int result = rate_compare_in(first, second, comparison->order);

    if (result == 0 && comparison->order == RATE_BY_STATE)
        result = strcmp(first->state, second->state);
    if (comparison->order == RATE_BY_NAME)
        result = strcmp(first->name, second->name);
    if (comparison->is_reversed)
        result = -result;
    return result != 0 ? result : strcmp(first->name, second->name);
}

void rates_sort(struct rates *rates, enum rate_order order, bool is_reversed)
{
    struct rate_comparison comparison = {order, is_reversed};

    qsort_r(rates->each, rates->count, sizeof(*rates->each), rate_compare, &comparison);
}
