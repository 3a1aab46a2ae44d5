/* SPDX-License-Identifier: MIT */
/* A snapshot in the text formats of Prometheus and OpenMetrics: a loop over the table. */
#include "metrics/render.h"

#include "metrics/out.h"

#include <string.h>

/* Bytes of the longest line: a name of METRICS_NAME, each byte of which may become three, and the
 * rest. Two of them are written at once. */
#define LINE_MOST 4096

void metrics_render_init(struct metrics_render *render, const struct metrics_snapshot *snapshot,
                         enum metrics_format format)
{
    *render = (struct metrics_render){.snapshot = snapshot, .format = format};
}

/* ---- whose figures ---- */

struct item {
    const uint64_t *cells; /* NULL: there is none here */
    struct slice tenant;
    const char *name; /* a part's */
    uint32_t worker;
};

static uint32_t item_count(const struct metrics_snapshot *snapshot, enum metric_scope scope)
{
    switch (scope) {
    case METRIC_SCOPE_GATEWAY:
        return 1;
    case METRIC_SCOPE_WORKER:
        return METRICS_WORKERS;
    case METRIC_SCOPE_TENANT:
        return snapshot->tenant_count;
    default:
        return snapshot->part_count;
    }
}

static struct item item_at(const struct metrics_snapshot *snapshot, enum metric_scope scope,
                           uint32_t index)
{
    const struct metrics_part *part;

    switch (scope) {
    case METRIC_SCOPE_GATEWAY:
        return (struct item){.cells = snapshot->gateway};
    case METRIC_SCOPE_WORKER:
        return (struct item){.cells = snapshot->workers[index], .worker = index};
    case METRIC_SCOPE_TENANT:
        return (struct item){.cells = snapshot->tenants[index].cells,
                             .tenant = snapshot->tenants[index].text.name};
    default:
        part = &snapshot->parts[index];
        return (struct item){.cells = part->scope == scope ? part->cells : NULL,
                             .tenant = snapshot->tenants[part->tenant].text.name,
                             .name = part->name};
    }
}

/* ---- lines ---- */

static void put_label(struct out *out, bool *has_any, const char *key, struct slice value)
{
    out_text(out, *has_any ? "," : "{");
    *has_any = true;
    out_text(out, key);
    out_text(out, "=\"");
    out_label(out, value);
    out_text(out, "\"");
}

static void put_scope(struct out *out, bool *has_any, enum metric_scope scope,
                      const struct item *item)
{
    const char *const *keys = metric_scope_keys(scope);
    const char *name = item->name;

    if (scope == METRIC_SCOPE_WORKER) {
        out_text(out, "{worker=\"");
        out_u64(out, item->worker);
        out_text(out, "\"");
        *has_any = true;
        return;
    }
    if (scope >= METRIC_SCOPE_TENANT)
        put_label(out, has_any, "tenant", item->tenant);
    for (unsigned i = 0; name && keys[i]; i++) {
        put_label(out, has_any, keys[i], slice_of(name));
        name += strlen(name) + (name + strlen(name) < item->name + METRICS_NAME);
    }
}

static void put_set(struct out *out, bool *has_any, const struct metric_row *row, uint32_t cell)
{
    const struct metric_labels *labels = &metric_sets[row->set];

    if (!labels->keys[0])
        return;
    put_label(out, has_any, labels->keys[0],
              slice_of(labels->values[0][labels->keys[1] ? cell / labels->counts[1] : cell]));
    if (labels->keys[1])
        put_label(out, has_any, labels->keys[1],
                  slice_of(labels->values[1][cell % labels->counts[1]]));
}

static void put_value(struct out *out, const struct metric_row *row, uint64_t value)
{
    if (row->unit == METRIC_NANOSECONDS)
        out_seconds(out, value);
    else if (row->kind == METRIC_COUNTER)
        out_u64(out, value);
    else
        out_i64(out, (int64_t)value);
}

/* What it begins with: the name, and the labels but the last one. */
static bool put_begin(struct out *out, enum metric metric, const struct item *item,
                      const char *suffix)
{
    bool has_any = false;

    out_text(out, metric_rows[metric].name);
    out_text(out, suffix);
    put_scope(out, &has_any, metrics_places[metric].scope, item);
    return has_any;
}

static bool is_told(const struct item *item, enum metric metric, uint64_t value)
{
    if (value != 0)
        return true;
    switch (metric_sets[metric_rows[metric].set].zeros) {
    case METRIC_ZEROS_OF_USED:
        return metrics_value(item->cells, METRIC_ENDPOINT_REQUESTS, 0) != 0;
    case METRIC_ZEROS_NONE:
        return false;
    default:
        return true;
    }
}

static void put_plain(struct out *out, enum metric metric, const struct item *item, uint32_t cell)
{
    const struct metric_row *row = &metric_rows[metric];
    uint64_t value = metrics_value(item->cells, metric, cell);
    bool has_any;

    if (!is_told(item, metric, value))
        return;
    has_any = put_begin(out, metric, item, "");
    put_set(out, &has_any, row, cell);
    out_text(out, has_any ? "} " : " ");
    put_value(out, row, value);
    out_text(out, "\n");
}

static void put_sum(struct out *out, enum metric metric, const struct item *item, uint64_t sum)
{
    out_text(out, put_begin(out, metric, item, "_sum") ? "} " : " ");
    out_seconds(out, sum);
    out_text(out, "\n");
}

static void put_count(struct out *out, enum metric metric, const struct item *item, uint64_t count)
{
    out_text(out, put_begin(out, metric, item, "_count") ? "} " : " ");
    out_u64(out, count);
    out_text(out, "\n");
}

/* A bucket, or behind the last one sum and count. One that nothing was put into is left out whole.
 */
static void put_histogram(struct metrics_render *render, struct out *out, enum metric metric,
                          const struct item *item)
{
    const uint64_t *bounds;
    uint32_t count;

    if (metrics_total(item->cells, metric) == 0)
        return;
    bounds = metric_bounds(&count);
    if (render->cell > count) {
        put_sum(out, metric, item, metrics_value(item->cells, metric, 0));
        put_count(out, metric, item, render->count);
        return;
    }
    render->count += metrics_value(item->cells, metric, 1 + render->cell);
    out_text(out, put_begin(out, metric, item, "_bucket") ? ",le=\"" : "{le=\"");
    if (render->cell < count)
        out_seconds(out, bounds[render->cell]);
    else
        out_text(out, "+Inf");
    if (render->format == METRICS_OPENMETRICS && render->cell < count &&
        bounds[render->cell] % 1000000000 == 0)
        out_text(out, ".0"); /* as it has numbers in labels */
    out_text(out, "\"} ");
    out_u64(out, render->count);
    out_text(out, "\n");
}

/* OpenMetrics names a counter's family without its end. */
static struct slice family(const struct metrics_render *render, const struct metric_row *row)
{
    struct slice name = slice_of(row->name);

    return render->format == METRICS_OPENMETRICS && row->kind == METRIC_COUNTER
               ? slice_head(name, name.len - strlen("_total"))
               : name;
}

static void put_head(const struct metrics_render *render, struct out *out,
                     const struct metric_row *row)
{
    out_text(out, "# HELP ");
    out_bytes(out, family(render, row));
    out_text(out, " ");
    out_text(out, row->help);
    out_text(out, "\n# TYPE ");
    out_bytes(out, family(render, row));
    out_text(out, " ");
    out_text(out, metric_kind_name(row->kind));
    out_text(out, "\n");
}

/* ---- the walk ---- */

static void next_metric(struct metrics_render *render)
{
    render->metric++;
    render->item = 0;
    render->cell = 0;
    render->has_begun = false;
}

/* One cell further. */
static void step(struct metrics_render *render, struct out *out)
{
    enum metric metric = (enum metric)render->metric;
    const struct metric_row *row = &metric_rows[metric];
    enum metric_scope scope = metrics_places[metric].scope;
    struct item item;

    if (render->is_of_one && scope < METRIC_SCOPE_TENANT) {
        next_metric(render);
        return;
    }
    if (!render->has_begun)
        put_head(render, out, row);
    render->has_begun = true;
    if (render->item == item_count(render->snapshot, scope)) {
        next_metric(render);
        return;
    }
    item = item_at(render->snapshot, scope, render->item);
    if (render->cell == 0)
        render->count = 0;
    if (item.cells && row->kind == METRIC_HISTOGRAM)
        put_histogram(render, out, metric, &item);
    else if (item.cells)
        put_plain(out, metric, &item, render->cell);
    if (item.cells && ++render->cell < row->cells)
        return;
    render->cell = 0;
    render->item++;
}

size_t metrics_render_text(struct metrics_render *render, char *buffer, size_t size)
{
    struct out out = {buffer, size, 0};

    while (render->metric < METRIC_ROWS && size - out.len > (size_t)2 * LINE_MOST)
        step(render, &out);
    if (render->metric == METRIC_ROWS && !render->has_ended) {
        render->has_ended = true;
        if (render->format == METRICS_OPENMETRICS)
            out_text(&out, "# EOF\n");
    }
    return out.len;
}
