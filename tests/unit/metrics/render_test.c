/* SPDX-License-Identifier: MIT */
/* What Prometheus reads. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct rig rig;

static void begin(void)
{
    rig_begin(&rig);
}

static void end(void)
{
    rig_end(&rig);
}

TestSuite(render, .init = begin, .fini = end);

#define HAS(text, line) cr_assert(strstr(text, "\n" line "\n"), "%s", line)

Test(render, a_row_has_its_help_type_and_lines)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    char *text;

    metrics_add_label(cells, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H2, 204), 3);
    metrics_move(cells, METRIC_CONNECTIONS, -2);
    metrics_add_label(cells, METRIC_CLOSED, CLOSE_DRAINING, 1);
    metrics_set_label(metrics_board_tenant(&rig.board, 0), METRIC_STATE, METRIC_STATE_SERVING, 1);
    metrics_set(metrics_gateway(&rig.board), METRIC_BUILD_INFO, 1);
    text = rig_text(&rig, METRICS_PROMETHEUS, METRICS_PIECE);
    HAS(text, "# TYPE nsgate_requests_total counter");
    HAS(text, "nsgate_requests_total{tenant=\"acme\",protocol=\"h2\",code=\"2xx\"} 3");
    HAS(text, "nsgate_requests_total{tenant=\"acme\",protocol=\"h1\",code=\"5xx\"} 0");
    HAS(text, "nsgate_connections{tenant=\"acme\"} -2");
    HAS(text, "nsgate_connections_closed_total{tenant=\"acme\",reason=\"draining\"} 1");
    HAS(text, "nsgate_tenant_state{tenant=\"acme\",state=\"serving\"} 1");
    HAS(text, "nsgate_tenant_state{tenant=\"acme\",state=\"refused\"} 0");
    HAS(text, "nsgate_worker_connections{worker=\"2\"} 0");
    cr_assert(strstr(text, "nsgate_build_info{version=\""));
    cr_assert_null(strstr(text, "reason=\"shutdown\""), "many labels are told when they count");
    cr_assert_null(strstr(text, "EOF"));
    free(text);
}

Test(render, a_server_that_is_used_has_all_kinds_of_failures)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *idle = rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, owner, SLICE("u\0idle"));
    struct metrics_cells *used = rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, owner, SLICE("u\0used"));
    char *text;

    metrics_add(used, METRIC_ENDPOINT_REQUESTS, 2);
    metrics_add_label(used, METRIC_ENDPOINT_FAILURES, metric_failure(ERROR_CONNECT), 1);
    metrics_add(idle, METRIC_ENDPOINT_REQUESTS, 0);
    text = rig_text(&rig, METRICS_PROMETHEUS, METRICS_PIECE);
    HAS(text, "nsgate_endpoint_failures_total{tenant=\"acme\",upstream=\"u\",server=\"used\","
              "reason=\"connect\"} 1");
    HAS(text, "nsgate_endpoint_failures_total{tenant=\"acme\",upstream=\"u\",server=\"used\","
              "reason=\"read_timeout\"} 0");
    HAS(text, "nsgate_endpoint_requests_total{tenant=\"acme\",upstream=\"u\",server=\"idle\"} 0");
    cr_assert_null(strstr(text, "server=\"idle\",reason="));
    free(text);
}

Test(render, a_histogram_is_cumulative)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    char *text;

    metrics_observe(cells, METRIC_REQUEST_DURATION, .001);
    metrics_observe(cells, METRIC_REQUEST_DURATION, .25);
    metrics_observe(cells, METRIC_REQUEST_DURATION, 99.);
    text = rig_text(&rig, METRICS_PROMETHEUS, METRICS_PIECE);
    HAS(text, "nsgate_request_duration_seconds_bucket{tenant=\"acme\",le=\"0.001\"} 1");
    HAS(text, "nsgate_request_duration_seconds_bucket{tenant=\"acme\",le=\"0.1\"} 1");
    HAS(text, "nsgate_request_duration_seconds_bucket{tenant=\"acme\",le=\"30\"} 2");
    HAS(text, "nsgate_request_duration_seconds_bucket{tenant=\"acme\",le=\"+Inf\"} 3");
    HAS(text, "nsgate_request_duration_seconds_sum{tenant=\"acme\"} 99.251");
    HAS(text, "nsgate_request_duration_seconds_count{tenant=\"acme\"} 3");
    cr_assert_null(strstr(text, "nsgate_time_to_first_byte_seconds_bucket"), "nothing was put in");
    free(text);
}

Test(render, names_of_parts_are_labels_and_stay_inside_them)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme");
    char longest[METRICS_NAME + 100], *text;

    rig_take(&rig, 0, METRIC_SCOPE_ENDPOINT, owner,
             SLICE("a\"b\0"
                   "x\ny\\\xff"));
    memset(longest, 'n', sizeof(longest));
    rig_take(&rig, 0, METRIC_SCOPE_LISTENER, owner, (struct slice){longest, sizeof(longest)});
    metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, owner, SLICE("*.example\0server"));
    text = rig_text(&rig, METRICS_PROMETHEUS, METRICS_PIECE);
    HAS(text,
        "nsgate_endpoint_up{tenant=\"acme\",upstream=\"a\\\"b\",server=\"x\\ny\\\\\xef\xbf\xbd\"}"
        " 0");
    HAS(text,
        "nsgate_certificate_expiry_timestamp_seconds{tenant=\"acme\",server_name=\"*.example\","
        "kind=\"server\"} 0");
    cr_assert(strstr(text, "nnnn~"));
    free(text);
}

Test(render, openmetrics_names_families_without_their_end_and_has_one)
{
    char *text;

    rig_tenant(&rig, 0, "acme");
    text = rig_text(&rig, METRICS_OPENMETRICS, METRICS_PIECE);
    HAS(text, "# TYPE nsgate_reloads counter");
    HAS(text, "nsgate_reloads_total{outcome=\"done\"} 0");
    cr_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
    free(text);
}

static void fill(unsigned tenants)
{
    for (unsigned i = 0; i < tenants; i++) {
        char name[32];
        uint64_t owner;

        snprintf(name, sizeof(name), "tenant-%u", i);
        owner = rig_tenant(&rig, i, name);
        for (unsigned w = 0; w < 2; w++) {
            struct metrics_cells *cells = rig_take(&rig, w, METRIC_SCOPE_TENANT, owner, SLICE(""));
            struct metrics_cells *server = rig_take(&rig, w, METRIC_SCOPE_ENDPOINT, owner,
                                                    SLICE("backend\0"
                                                          "127.0.0.1:8080"));

            metrics_observe(cells, METRIC_REQUEST_DURATION, .1);
            metrics_observe(cells, METRIC_FIRST_BYTE, .1);
            metrics_observe(cells, METRIC_HANDSHAKE_DURATION, .1);
            metrics_observe(server, METRIC_ENDPOINT_DURATION, .1);
        }
    }
}

Test(render, pieces_of_any_size_make_the_same_text)
{
    char *small, *large;

    fill(100);
    small = rig_text(&rig, METRICS_PROMETHEUS, METRICS_PIECE);
    large = rig_text(&rig, METRICS_PROMETHEUS, (size_t)1 << 22);
    cr_assert_str_eq(small, large);
    free(small);
    free(large);
}

/* Milliseconds of CPU, without what it takes to put the pieces together. */
static double cost(unsigned tenants)
{
    static char buffer[65536];
    struct metrics_render render;
    struct timespec from, to;

    fill(tenants);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    metrics_render_init(&render, rig_look(&rig), METRICS_PROMETHEUS);
    while (metrics_render_text(&render, buffer, sizeof(buffer)) > 0)
        ;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

Test(render, grows_with_the_tenants_and_no_faster)
{
    double thousand = cost(1000), ten;

    rig_end(&rig);
    rig_begin(&rig);
    ten = cost(10000);
    cr_log_info("1,000 tenants: %.1f ms, 10,000: %.1f ms", thousand, ten);
    cr_assert_lt(ten, 40. * thousand);
}
