/* SPDX-License-Identifier: MIT */
/* The table of metrics: names that Prometheus takes, and histograms' buckets. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(table, rows_have_names_by_the_conventions)
{
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        struct slice name = slice_of(row->name);

        cr_assert(slice_starts_with(name, SLICE("nsgate_")), "%s", row->name);
        cr_assert(slice_is_only(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), "%s", row->name);
        cr_assert_eq(slice_ends_with(name, SLICE("_total")), row->kind == METRIC_COUNTER, "%s",
                     row->name);
        cr_assert_eq(slice_ends_with(name, SLICE("_seconds")),
                     row->unit == METRIC_SECONDS || row->unit == METRIC_NANOSECONDS, "%s",
                     row->name);
        cr_assert(strlen(row->help) > 0 && !strpbrk(row->help, "\\\n"), "%s", row->name);
        for (unsigned other = 0; other < metric; other++)
            cr_assert_str_neq(row->name, metric_rows[other].name);
    }
}

Test(table, every_cell_of_a_set_has_a_label)
{
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        const struct metric_labels *labels = &metric_sets[row->set];
        uint32_t cells = 1;

        if (row->kind == METRIC_HISTOGRAM)
            continue;
        for (unsigned key = 0; key < METRIC_KEYS && labels->keys[key]; key++) {
            cells *= labels->counts[key];
            for (uint32_t i = 0; i < labels->counts[key]; i++)
                cr_assert(labels->values[key][i], "%s %u", row->name, i);
        }
        cr_assert_eq(cells, row->cells, "%s", row->name);
    }
}

Test(table, failures_are_named_as_the_errors_are)
{
    const char *const *values = metric_sets[METRIC_SET_FAILURE].values[0];

    cr_assert_str_eq(values[metric_failure(ERROR_CONNECT)], error_token(ERROR_CONNECT));
    cr_assert_str_eq(values[metric_failure(ERROR_READ_TIMEOUT)], error_token(ERROR_READ_TIMEOUT));
    cr_assert_eq(metric_failure(ERROR_TLS), METRIC_FAILURES - 1, "others are one");
    cr_assert_str_eq(metric_sets[METRIC_SET_CLOSE].values[0][CLOSE_DRAINING],
                     close_token(CLOSE_DRAINING));
}

Test(table, a_request_is_counted_by_protocol_and_class)
{
    const struct metric_labels *labels = &metric_sets[METRIC_SET_REQUEST];
    unsigned cell = metric_request(METRIC_PROTOCOL_H2, 404);

    cr_assert_str_eq(labels->values[0][cell / METRIC_CODES], "h2");
    cr_assert_str_eq(labels->values[1][cell % METRIC_CODES], "4xx");
    cr_assert_eq(metric_request(METRIC_PROTOCOL_H1, 0), metric_request(METRIC_PROTOCOL_H1, 999),
                 "what is no status is none");
}

Test(table, an_observation_is_in_one_bucket_and_in_the_sum)
{
    struct rig rig;
    uint32_t count;
    uint64_t owner;
    const uint64_t *bounds, *cells;
    struct metrics_cells *to;

    rig_begin(&rig);
    owner = rig_tenant(&rig, 3, "acme");
    to = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    bounds = metric_bounds(&count);
    metrics_observe(to, METRIC_REQUEST_DURATION, -1.);
    metrics_observe(to, METRIC_REQUEST_DURATION, 0.004);
    metrics_observe(to, METRIC_REQUEST_DURATION, 100.);
    cells = rig_cells(&rig, "acme");
    cr_assert_eq(bounds[2], 5000000);
    cr_assert_eq(metrics_value(cells, METRIC_REQUEST_DURATION, 1), 1,
                 "less than nothing is nothing");
    cr_assert_eq(metrics_value(cells, METRIC_REQUEST_DURATION, 3), 1);
    cr_assert_eq(metrics_value(cells, METRIC_REQUEST_DURATION, count + 1), 1);
    cr_assert_eq(metrics_value(cells, METRIC_REQUEST_DURATION, 0), UINT64_C(100004000000));
    cr_assert_eq(metrics_total(cells, METRIC_REQUEST_DURATION), 3);
    rig_end(&rig);
}

/* ---- the page that is made of it ---- */

static void put_labels(FILE *page, enum metric metric)
{
    const struct metric_labels *labels = &metric_sets[metric_rows[metric].set];
    enum metric_scope scope = (enum metric_scope)metrics_places[metric].scope;
    const char *comma = "";

    if (scope >= METRIC_SCOPE_TENANT)
        fprintf(page, "`tenant`"), comma = ", ";
    for (const char *const *key = metric_scope_keys(scope); *key; key++, comma = ", ")
        fprintf(page, "%s`%s`", comma, *key);
    for (unsigned i = 0; i < METRIC_KEYS && labels->keys[i]; i++, comma = ", ")
        fprintf(page, "%s`%s`", comma, labels->keys[i]);
}

static void put_values(FILE *page)
{
    for (unsigned set = 0; set < METRIC_SET_DURATION; set++) {
        const struct metric_labels *labels = &metric_sets[set];

        for (unsigned key = 0; key < METRIC_KEYS && labels->keys[key] && set != METRIC_SET_BUILD;
             key++) {
            fprintf(page, "- `%s`:", labels->keys[key]);
            for (uint32_t i = 0; i < labels->counts[key]; i++)
                fprintf(page, " %s%s", labels->values[key][i],
                        i + 1 < labels->counts[key] ? "," : "\n");
        }
    }
}

/* Which part of docs/METRICS.md it is: what stands behind its first line of that kind. */
#define GENERATED "<!-- made of include/metrics/table.h: a test holds it to that -->\n"

static void put_page(FILE *page)
{
    fprintf(page, GENERATED);
    for (unsigned scope = 0; scope < METRIC_SCOPES; scope++) {
        fprintf(page, "\n## %s\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n",
                metric_scope_name((enum metric_scope)scope));
        for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
            if (metrics_places[metric].scope != scope)
                continue;
            fprintf(page, "| `%s` | %s | ", metric_rows[metric].name,
                    metric_kind_name(metric_rows[metric].kind));
            put_labels(page, (enum metric)metric);
            fprintf(page, " | %s |\n", metric_rows[metric].help);
        }
    }
    fprintf(page, "\n## Values of labels\n\n");
    put_values(page);
}

Test(table, the_page_says_the_same)
{
    char *made = NULL, *told = NULL, *place;
    size_t made_len, told_len = 0;
    FILE *page = open_memstream(&made, &made_len);
    FILE *file = fopen(NSGATE_TREE "/docs/METRICS.md", "r");

    put_page(page);
    fclose(page);
    cr_assert(file);
    cr_assert_gt(getdelim(&told, &told_len, '\0', file), 0);
    fclose(file);
    place = strstr(told, GENERATED);
    cr_assert(place);
    cr_assert_str_eq(place, made, "docs/METRICS.md must say:\n%s", made);
    free(made);
    free(told);
}
