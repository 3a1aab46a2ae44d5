/* SPDX-License-Identifier: MIT */
/* A snapshot as the JSON of -s status --json. */
#include "metrics/render.h"

#include "metrics/out.h"

#include "version.h"

#include <string.h>
#include <time.h>

static void put_key(struct out *out, const char *key)
{
    if (out->data[out->len - 1] != '{')
        out_text(out, ",");
    out_text(out, "\"");
    out_text(out, key);
    out_text(out, "\":");
}

static void put_text(struct out *out, const char *key, struct slice value)
{
    put_key(out, key);
    out_text(out, "\"");
    out_json(out, value);
    out_text(out, "\"");
}

static void put_text_or_null(struct out *out, const char *key, struct slice value)
{
    if (value.len > 0) {
        put_text(out, key, value);
        return;
    }
    put_key(out, key);
    out_text(out, "null");
}

static void put_number(struct out *out, const char *key, uint64_t value)
{
    put_key(out, key);
    out_i64(out, (int64_t)value);
}

static void put_number_or_null(struct out *out, const char *key, uint64_t value)
{
    if (value != 0) {
        put_number(out, key, value);
        return;
    }
    put_key(out, key);
    out_text(out, "null");
}

/* RFC 3339, in UTC. */
static void put_time(struct out *out, const char *key, uint64_t value)
{
    time_t seconds = (time_t)value;
    struct tm parts;
    char text[64];

    if (seconds == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
    put_text_or_null(out, key, slice_of(text));
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

static void put_gateway(const struct metrics_snapshot *snapshot, double now, struct out *out)
{
    const uint64_t *cells = snapshot->gateway;
    uint64_t started = metrics_value(cells, METRIC_START_TIME, 0);
    uint64_t connections = 0;

    for (uint32_t i = 0; i < METRICS_WORKERS; i++) {
        if (snapshot->workers[i])
            connections += metrics_value(snapshot->workers[i], METRIC_WORKER_CONNECTIONS, 0);
    }
    out_text(out, "{");
    put_text(out, "version", SLICE(NSGATE_VERSION));
    put_number(out, "pid", metrics_value(cells, METRIC_PID, 0));
    put_number(out, "uptime", now > (double)started ? (uint64_t)(now - (double)started) : 0);
    put_text(out, "sandbox", chosen(cells, METRIC_SANDBOX));
    put_number_or_null(out, "landlock", metrics_value(cells, METRIC_LANDLOCK, 0));
    put_number(out, "generation", metrics_value(cells, METRIC_GENERATION, 0));
    put_number(out, "workers", metrics_value(cells, METRIC_WORKERS_WANTED, 0));
    put_number(out, "draining", metrics_value(cells, METRIC_WORKERS_DRAINING, 0));
    put_number(out, "connections", connections);
    put_key(out, "partial");
    out_text(out, "false");
    put_key(out, "tenants");
    out_text(out, "[\n");
}

/* The first of the tenant's that expires; 0: there is none. render->cell walks over the parts,
 * which are in the tenants' order. */
static uint64_t first_expiry(struct metrics_render *render)
{
    const struct metrics_snapshot *snapshot = render->snapshot;
    uint64_t first = 0;

    for (; render->cell < snapshot->part_count; render->cell++) {
        const struct metrics_part *part = &snapshot->parts[render->cell];
        uint64_t expiry;

        if (part->scope != METRIC_SCOPE_CERTIFICATE)
            continue;
        if (part->tenant != render->item)
            break;
        expiry = metrics_value(part->cells, METRIC_CERTIFICATE_EXPIRY, 0);
        if (first == 0 || expiry < first)
            first = expiry;
    }
    return first;
}

static void put_tenant(struct metrics_render *render, struct out *out)
{
    const struct metrics_tenant *tenant = &render->snapshot->tenants[render->item];
    const uint64_t *cells = tenant->cells;

    out_text(out, render->item > 0 ? ",\n{" : "{");
    put_text(out, "tenant", tenant->text.name);
    put_text(out, "namespace", tenant->text.netns);
    put_number_or_null(out, "inode", metrics_value(cells, METRIC_NAMESPACE, 0));
    put_text(out, "state", chosen(cells, METRIC_STATE));
    put_number(out, "bound", metrics_value(cells, METRIC_LISTENERS_BOUND, 0));
    put_number(out, "listeners", metrics_value(cells, METRIC_LISTENERS, 0));
    put_number(out, "connections", metrics_value(cells, METRIC_CONNECTIONS, 0));
    put_number(out, "draining", metrics_value(cells, METRIC_DRAINING, 0));
    put_number(out, "requests", metrics_total(cells, METRIC_REQUESTS));
    put_number(out, "refused_handshakes", metrics_total(cells, METRIC_REFUSED));
    put_time(out, "certificate_expiry", first_expiry(render));
    put_number(out, "generation", metrics_value(cells, METRIC_TENANT_GENERATION, 0));
    put_text_or_null(out, "last_error", tenant->text.error);
    out_text(out, "}");
}

size_t metrics_render_json(struct metrics_render *render, double now, char *buffer, size_t size)
{
    struct out out = {buffer, size, 0};

    if (!render->has_begun) {
        put_gateway(render->snapshot, now, &out);
        render->has_begun = true;
    }
    /* A tenant's texts, each byte of which may become six. */
    while (render->item < render->snapshot->tenant_count &&
           size - out.len > METRICS_LONG_TEXT * 6 + 1024) {
        put_tenant(render, &out);
        render->item++;
    }
    if (render->item == render->snapshot->tenant_count && !render->has_ended) {
        render->has_ended = true;
        out_text(&out, "\n]}\n");
    }
    return out.len;
}
