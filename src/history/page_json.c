/* SPDX-License-Identifier: MIT */
/* Figures as the page's script reads them; a tenant's line is short, for there may be many. */
#include "history/page_json.h"

#include "metrics/out.h"
#include "metrics/render.h"
#include "version.h"

/* Bytes of texts in a line: what is longer is cut. */
#define ROW_NAME  256
#define ROW_ERROR 160

/* Bytes of the longest entry of each kind, where each byte of a text may become six. */
#define ROW_MOST    8192
#define PART_MOST   12288
#define TENANT_MOST 20480
#define TEXT_MOST   (METRICS_PIECE - 1024)

/* ---- values ---- */

static void put_comma(struct out *out)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '\n';

    if (last != '{' && last != '[' && last != ':' && last != '\n')
        out_text(out, ",");
}

static void put_key(struct out *out, const char *key)
{
    put_comma(out);
    out_text(out, "\"");
    out_text(out, key);
    out_text(out, "\":");
}

static void put_text(struct out *out, struct slice text)
{
    put_comma(out);
    out_text(out, "\"");
    out_json(out, text);
    out_text(out, "\"");
}

static void put_number(struct out *out, uint64_t number)
{
    put_comma(out);
    out_i64(out, (int64_t)number);
}

/* With three digits behind the point at most; what is negative is not known. */
static void put_decimal(struct out *out, double value)
{
    uint64_t thousandths;
    char digits[5] = ".000";
    size_t len = 4;

    put_comma(out);
    if (!(value >= 0) || value > 1e15) {
        out_text(out, "null");
        return;
    }
    thousandths = (uint64_t)(value * 1000 + 0.5);
    out_u64(out, thousandths / 1000);
    digits[1] = (char)('0' + thousandths / 100 % 10);
    digits[2] = (char)('0' + thousandths / 10 % 10);
    digits[3] = (char)('0' + thousandths % 10);
    while (len > 1 && digits[len - 1] == '0')
        len--;
    out_bytes(out, (struct slice){digits, len > 1 ? len : 0});
}

static void put_named(struct out *out, const char *key, uint64_t number)
{
    put_key(out, key);
    put_number(out, number);
}

/* The label of the cell that is set. */
static struct slice chosen(const uint64_t *cells, enum metric metric)
{
    const struct metric_labels *labels = &metric_sets[metric_rows[metric].set];

    for (uint32_t i = 0; i < labels->counts[0]; i++) {
        if (metrics_value(cells, metric, i) != 0)
            return slice_of(labels->values[0][i]);
    }
    return SLICE("");
}

static uint32_t connections_of(const struct metrics_tenant *tenant)
{
    return (uint32_t)metrics_value(tenant->cells, METRIC_CONNECTIONS, 0);
}

/* ---- curves ---- */

enum value { VALUE_RATE, VALUE_ERRORS, VALUE_P50, VALUE_P99, VALUE_CONNECTIONS };

static double value_of(const struct series_point *point, enum value value)
{
    switch (value) {
    case VALUE_RATE:
        return (double)point->rate;
    case VALUE_ERRORS:
        return (double)point->errors;
    case VALUE_P50:
        return (double)point->p50;
    case VALUE_P99:
        return (double)point->p99;
    default:
        return point->connections;
    }
}

/* The newest is the last; null where there is nothing but zeros. */
static void put_curve(struct out *out, const struct series *series, enum value value)
{
    uint32_t first = 0;

    while (series && first < series->count && value_of(series_at(series, first), value) <= 0)
        first++;
    put_comma(out);
    if (!series || first == series->count) {
        out_text(out, "null");
        return;
    }
    out_text(out, "[");
    for (uint32_t i = first; i < series->count; i++)
        put_decimal(out, value_of(series_at(series, i), value));
    out_text(out, "]");
}

static void put_point(struct out *out, const struct page_json *json, const struct series *series,
                      uint32_t connections)
{
    struct series_point now = history_now(json->history, series, connections);

    put_decimal(out, (double)now.rate);
    put_decimal(out, (double)now.errors);
    put_decimal(out, (double)now.p50);
    put_decimal(out, (double)now.p99);
}

/* ---- the gateway ---- */

static void put_workers(struct out *out, const struct metrics_snapshot *snapshot)
{
    put_named(out, "ready", metrics_value(snapshot->gateway, METRIC_WORKERS_READY, 0));
    put_named(out, "wanted", metrics_value(snapshot->gateway, METRIC_WORKERS_WANTED, 0));
    put_named(out, "draining", metrics_value(snapshot->gateway, METRIC_WORKERS_DRAINING, 0));
    put_named(out, "restarts", metrics_total(snapshot->gateway, METRIC_WORKER_RESTARTS));
}

static void put_reload(struct out *out, const struct page_json *json)
{
    const struct history *history = json->history;

    put_key(out, "goodReload");
    put_number(out, metrics_value(json->snapshot->gateway, METRIC_RELOAD_TIME, 0));
    put_key(out, "reload");
    if (history->reload < 0) {
        out_text(out, "null");
        return;
    }
    put_text(out, slice_of(metric_sets[METRIC_SET_RELOAD].values[0][history->reload]));
    put_named(out, "reloadTime", (uint64_t)history->reload_since);
}

static void put_counts(struct out *out, const struct history *history)
{
    put_key(out, "states");
    out_text(out, "{");
    for (unsigned i = 0; i < METRIC_STATES; i++)
        put_named(out, metric_sets[METRIC_SET_STATE].values[0][i], history->states[i]);
    out_text(out, "}");
    put_named(out, "expired", history->expired);
    put_named(out, "expiring", history->expiring);
    put_named(out, "connections", history->connections);
}

static void put_gateway(struct out *out, const struct page_json *json)
{
    const struct metrics_snapshot *snapshot = json->snapshot;
    const struct series *all = &json->history->all;

    out_text(out, "{");
    put_key(out, "version");
    put_text(out, SLICE(NSGATE_VERSION));
    put_key(out, "state");
    put_text(out, chosen(snapshot->gateway, METRIC_GATEWAY_STATE));
    put_named(out, "now", (uint64_t)json->now);
    put_named(out, "started", metrics_value(snapshot->gateway, METRIC_START_TIME, 0));
    put_named(out, "generation", metrics_value(snapshot->gateway, METRIC_GENERATION, 0));
    put_workers(out, snapshot);
    put_reload(out, json);
    put_counts(out, json->history);
    put_key(out, "sandbox");
    put_text(out, chosen(snapshot->gateway, METRIC_SANDBOX));
    put_named(out, "step", SERIES_STEP);
    put_named(out, "points", SERIES_POINTS);
    put_key(out, "flow");
    out_text(out, "[");
    put_point(out, json, all, 0);
    out_text(out, "]");
    put_key(out, "curve");
    put_curve(out, all, VALUE_RATE);
}

/* ---- a tenant's line ---- */

/* Parts are in the tenants' order. */
static uint64_t first_expiry(struct page_json *json)
{
    const struct metrics_snapshot *snapshot = json->snapshot;
    uint64_t first = 0, expiry;

    for (; json->part < snapshot->part_count; json->part++) {
        const struct metrics_part *part = &snapshot->parts[json->part];

        if (part->scope != METRIC_SCOPE_CERTIFICATE)
            continue;
        if (part->tenant > json->item)
            break;
        expiry = metrics_value(part->cells, METRIC_CERTIFICATE_EXPIRY, 0);
        if (part->tenant == json->item && (first == 0 || expiry < first))
            first = expiry;
    }
    return first;
}

/* In the order of what the head says. */
#define COLUMNS                                                                                    \
    "\"columns\":[\"name\",\"namespace\",\"state\",\"bound\",\"listeners\",\"connections\","       \
    "\"expires\",\"error\",\"rate\",\"errors\",\"p50\",\"p99\",\"curve\",\"errorCurve\"]"

static void put_row(struct out *out, struct page_json *json)
{
    const struct metrics_tenant *tenant = &json->snapshot->tenants[json->item];
    const struct series *series = history_series(json->history, tenant->owner);

    out_text(out, json->item > 0 ? ",\n[" : "\n[");
    put_text(out, slice_head(tenant->text.name, ROW_NAME));
    put_text(out, slice_head(tenant->text.netns, ROW_NAME));
    put_text(out, chosen(tenant->cells, METRIC_STATE));
    put_number(out, metrics_value(tenant->cells, METRIC_LISTENERS_BOUND, 0));
    put_number(out, metrics_value(tenant->cells, METRIC_LISTENERS, 0));
    put_number(out, connections_of(tenant));
    put_number(out, first_expiry(json));
    put_text(out, slice_head(tenant->text.error, ROW_ERROR));
    if (series) {
        put_point(out, json, series, 0);
        put_curve(out, series, VALUE_RATE);
        put_curve(out, series, VALUE_ERRORS);
    } else {
        out_text(out, ",0,0,null,null,null,null");
    }
    out_text(out, "]");
}

/* ---- all of one tenant ---- */

static void put_histogram(struct out *out, const uint64_t *cells, enum metric metric)
{
    struct series_counts counts = {.requests = metrics_total(cells, metric)};
    struct series series = {0};

    for (unsigned i = 0; i < SERIES_BUCKETS; i++)
        counts.buckets[i] = metrics_value(cells, metric, 1 + i); /* behind the sum */
    series_add(&series, &counts);
    out_text(out, "{");
    put_named(out, "count", counts.requests);
    put_key(out, "p50");
    put_decimal(out, (double)series_now(&series, 1, 0).p50);
    put_key(out, "p99");
    put_decimal(out, (double)series_now(&series, 1, 0).p99);
    out_text(out, "}");
}

static void put_labels(struct out *out, const uint64_t *cells, enum metric metric)
{
    const struct metric_labels *labels = &metric_sets[metric_rows[metric].set];

    out_text(out, "{");
    for (uint32_t i = 0; i < metric_rows[metric].cells; i++) {
        uint64_t value = metrics_value(cells, metric, i);

        if (value == 0)
            continue;
        put_comma(out);
        out_text(out, "\"");
        out_text(out, labels->values[0][labels->keys[1] ? i / labels->counts[1] : i]);
        if (labels->keys[1]) {
            out_text(out, " ");
            out_text(out, labels->values[1][i % labels->counts[1]]);
        }
        out_text(out, "\":");
        put_number(out, value);
    }
    out_text(out, "}");
}

/* Every row of the table that the scope has: one that is new is there by itself. */
static void put_figures(struct out *out, enum metric_scope scope, const uint64_t *cells)
{
    put_key(out, "figures");
    out_text(out, "{");
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        const struct metric_row *row = &metric_rows[metric];

        if (metrics_places[metric].scope != scope)
            continue;
        put_key(out, row->name);
        if (row->kind == METRIC_HISTOGRAM)
            put_histogram(out, cells, metric);
        else if (metric_sets[row->set].keys[0])
            put_labels(out, cells, metric);
        else
            put_number(out, metrics_value(cells, metric, 0));
    }
    out_text(out, "}");
}

static void put_complaints(struct out *out, const struct history_errors *errors)
{
    uint32_t count = errors ? errors->count : 0;

    put_key(out, "complaints");
    out_text(out, "[");
    for (uint32_t i = 1; i <= count && i <= HISTORY_ERRORS; i++) {
        const struct history_error *error = &errors->last[(count - i) % HISTORY_ERRORS];

        put_comma(out);
        out_text(out, "{");
        put_named(out, "since", (uint64_t)error->since);
        put_key(out, "text");
        put_text(out, slice_of(error->text));
        out_text(out, "}");
    }
    out_text(out, "]");
}

static void put_curves(struct out *out, const struct series *series)
{
    static const char *const names[] = {"rate", "errors", "p50", "p99", "connections"};

    put_key(out, "curves");
    out_text(out, "{");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_key(out, names[i]);
        put_curve(out, series, (enum value)i);
    }
    out_text(out, "}");
}

static void put_help(struct out *out)
{
    put_key(out, "help");
    out_text(out, "{");
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        if (metrics_places[metric].scope != METRIC_SCOPE_TENANT)
            continue;
        put_key(out, metric_rows[metric].name);
        put_text(out, slice_of(metric_rows[metric].help));
    }
    out_text(out, "}");
}

static void put_part(struct out *out, const struct metrics_part *part)
{
    const char *const *keys = metric_scope_keys(part->scope);
    const char *name = part->name;

    out_text(out, "{");
    put_key(out, "scope");
    put_text(out, slice_of(metric_scope_name(part->scope)));
    for (unsigned i = 0; i < METRIC_KEYS && keys[i]; i++) {
        size_t left = (size_t)(part->name + METRICS_NAME - name), len = strnlen(name, left);

        put_key(out, keys[i]);
        put_text(out, (struct slice){name, len});
        name += len + (len < left);
    }
    put_figures(out, part->scope, part->cells);
    out_text(out, "}");
}

/* ---- stage by stage ---- */

/* Each returns whether it is over. */
static bool put_begin(struct out *out, struct page_json *json)
{
    put_gateway(out, json);
    out_text(out, ",\n" COLUMNS ",\n\"tenants\":[");
    return true;
}

static bool put_rows(struct out *out, struct page_json *json)
{
    if (json->item < json->snapshot->tenant_count)
        put_row(out, json);
    else
        out_text(out, "\n]");
    return json->item++ >= json->snapshot->tenant_count;
}

static bool put_tenant(struct out *out, struct page_json *json)
{
    const struct metrics_tenant *tenant = json->snapshot->tenants;

    out_text(out, ",\n");
    put_help(out);
    put_figures(out, METRIC_SCOPE_TENANT, tenant->cells);
    put_curves(out, history_series(json->history, tenant->owner));
    return true;
}

static bool put_error(struct out *out, struct page_json *json)
{
    out_text(out, ",\n");
    put_key(out, "error");
    put_text(out, json->snapshot->tenants->text.error);
    return true;
}

static bool put_past(struct out *out, struct page_json *json)
{
    out_text(out, ",\n");
    put_complaints(out, history_errors(json->history, json->snapshot->tenants->owner));
    out_text(out, ",\n\"parts\":[");
    return true;
}

static bool put_parts(struct out *out, struct page_json *json)
{
    if (json->told == json->snapshot->part_count) {
        out_text(out, "\n]");
        return true;
    }
    out_text(out, json->told > 0 ? ",\n" : "\n");
    put_part(out, &json->snapshot->parts[json->told++]);
    return false;
}

static bool put_end(struct out *out, struct page_json *json)
{
    (void)json;
    out_text(out, "}\n");
    return true;
}

static const struct {
    size_t most; /* bytes that it writes at once */
    bool (*put)(struct out *out, struct page_json *json);
    bool is_of_one;
} stages[] = {
    {ROW_MOST, put_begin, false}, {ROW_MOST, put_rows, false}, {TENANT_MOST, put_tenant, true},
    {TEXT_MOST, put_error, true}, {TEXT_MOST, put_past, true}, {PART_MOST, put_parts, true},
    {ROW_MOST, put_end, false},
};

size_t page_json_text(struct page_json *json, char *buffer, size_t size)
{
    struct out out = {buffer, size, 0};
    bool has_one = json->is_one && json->snapshot->tenant_count > 0;

    while (json->stage < sizeof(stages) / sizeof(stages[0]) &&
           size - out.len >= stages[json->stage].most) {
        if ((stages[json->stage].is_of_one && !has_one) || stages[json->stage].put(&out, json))
            json->stage++;
    }
    return out.len;
}
