/* SPDX-License-Identifier: MIT */
/* What -s status tells as lists. */
#include "supervisor/status_figures_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t cells[1024];
static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 4096);
}

static void end(void)
{
    arena_free(&arena);
}

TestSuite(status_figures, .init = begin, .fini = end);

static void set(enum metric metric, unsigned label, uint64_t value)
{
    cells[metrics_places[metric].first + label] = value;
}

Test(status_figures, codes_are_summed_over_protocols)
{
    set(METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H1, 200), 3);
    set(METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H2, 204), 4);
    set(METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H2, 0), 1);
    cr_expect(
        slice_equal(status_codes(cells, &arena), SLICE("none:1,1xx:0,2xx:7,3xx:0,4xx:0,5xx:0")));
}

Test(status_figures, durations_have_all_buckets)
{
    struct slice text;

    set(METRIC_REQUEST_DURATION, 0, 77); /* the sum */
    set(METRIC_REQUEST_DURATION, 1, 5);
    set(METRIC_REQUEST_DURATION, 2, 6);
    set(METRIC_REQUEST_DURATION, metric_rows[METRIC_REQUEST_DURATION].cells - 1, UINT64_MAX);
    text = status_durations(cells, &arena);
    cr_expect(slice_starts_with(text, SLICE("0.001:5,0.0025:6,0.005:0,")), "%.*s",
              SLICE_PRINTF(text));
    cr_expect(slice_ends_with(text, SLICE(",30:0,+Inf:18446744073709551615")), "%.*s",
              SLICE_PRINTF(text));
}

Test(status_figures, the_last_reload_has_one_outcome_or_none)
{
    cr_expect_str_eq(status_outcome(cells), "");
    set(METRIC_LAST_RELOAD, METRIC_RELOAD_REFUSED, 1);
    cr_expect_str_eq(status_outcome(cells), "refused");
}

/* ---- upstreams ---- */

static struct metrics_part parts[8];
static uint64_t up[8][64];
static char names[8][METRICS_NAME];
static struct metrics_tenant tenants[3];
static struct metrics_snapshot snapshot = {.tenants = tenants, .tenant_count = 3, .parts = parts};

static void server(uint32_t tenant, const char *upstream, const char *name, bool is_up)
{
    uint32_t i = snapshot.part_count++;

    memcpy(names[i], upstream, strlen(upstream) + 1);
    strcpy(names[i] + strlen(upstream) + 1, name);
    up[i][metrics_places[METRIC_ENDPOINT_UP].first] = is_up;
    parts[i] = (struct metrics_part){.tenant = tenant,
                                     .scope = METRIC_SCOPE_ENDPOINT,
                                     .name = names[i],
                                     .cells = up[i],
                                     .is_live = true};
}

static void upstream_is(uint32_t tenant, uint32_t *next, const char *name, unsigned servers,
                        const char *down)
{
    struct status_upstream upstream;

    cr_assert(status_next_upstream(&snapshot, tenant, next, &upstream));
    cr_expect_str_eq(upstream.name, name);
    cr_expect_eq(upstream.servers, servers);
    cr_expect_eq(upstream.up, servers - (down != NULL));
    cr_expect_eq(upstream.down_count, down != NULL);
    if (down)
        cr_expect_str_eq(upstream.down[0], down);
}

Test(status_figures, upstreams_are_found_with_their_servers)
{
    struct status_upstream upstream;
    uint32_t *first;

    parts[snapshot.part_count++] =
        (struct metrics_part){.scope = METRIC_SCOPE_LISTENER, .tenant = 0};
    server(0, "a", "10.0.0.1:80", false);
    parts[1].is_live = false; /* nobody has it any more */
    server(0, "a", "10.0.0.2:80", true);
    server(0, "b", "10.0.0.3:80", false);
    server(0, "b", "10.0.0.4:80", true);
    server(0, "c", "10.0.0.5:80", false);
    server(2, "a", "10.0.0.6:80", false);
    first = status_index_servers(&snapshot);
    cr_assert(first[0] == 1 && first[1] == snapshot.part_count && first[2] == 6);
    upstream_is(0, &first[0], "a", 1, NULL);
    upstream_is(0, &first[0], "b", 2, "10.0.0.3:80");
    upstream_is(0, &first[0], "c", 1, "10.0.0.5:80");
    upstream_is(2, &first[2], "a", 1, "10.0.0.6:80");
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_not(status_next_upstream(&snapshot, i, &first[i], &upstream));
    free(first);
}
