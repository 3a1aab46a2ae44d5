/* SPDX-License-Identifier: MIT */
/* What the page is told: it is JSON, whatever tenants are called, in pieces that are bounded. */
#include "history/page_json.h"
#include "shared/figures_rig.h"

#include "base/memory.h"
#include "metrics/render.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

static struct figures_rig rig;
static struct history history;

static void begin(void)
{
    figures_rig_begin(&rig);
    history_init(&history);
}

static void end(void)
{
    history_free(&history);
    figures_rig_end(&rig);
}

TestSuite(page_json, .init = begin, .fini = end);

/* All pieces, parsed. */
static json_t *tell(const char *tenant)
{
    struct page_json json = {.snapshot = figures_rig_look(&rig, tenant),
                             .history = &history,
                             .now = 2e9,
                             .is_one = *tenant != '\0'};
    static char piece[METRICS_PIECE];
    size_t len = 0, got;
    char *text = NULL;
    json_error_t error;
    json_t *parsed;

    while ((got = page_json_text(&json, piece, sizeof(piece))) > 0) {
        text = memory_resize(text, len + got);
        memcpy(text + len, piece, got);
        len += got;
    }
    parsed = json_loadb(text, len, 0, &error);
    cr_assert_not_null(parsed, "%s at %d: %.*s", error.text, error.position, (int)len, text);
    free(text);
    return parsed;
}

static void expect(json_t *value, const char *wanted)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    cr_expect_str_eq(text, wanted);
    free(text);
}

static void look(double now)
{
    history_take(&history, figures_rig_look(&rig, ""), now, 2e9);
}

Test(page_json, a_gateway_without_tenants)
{
    json_t *json;

    metrics_set_label(metrics_gateway(&rig.board), METRIC_GATEWAY_STATE, METRIC_GATEWAY_SERVING, 1);
    json = tell("");
    cr_expect_eq(json_array_size(json_object_get(json, "tenants")), 0);
    expect(json_object_get(json, "state"), "\"serving\"");
    expect(json_object_get(json, "curve"), "null");
    expect(json_object_get(json, "reload"), "null");
    cr_expect_eq(json_array_size(json_object_get(json, "columns")), 14);
    json_decref(json);
}

Test(page_json, a_tenant_has_a_line)
{
    struct metrics_cells *cells, *board;
    json_t *json, *row;

    cells = figures_rig_tenant(&rig, 0,
                               &(struct metrics_text){SLICE("acme"), SLICE("net"), SLICE("bad")});
    board = metrics_board_tenant(&rig.board, 0);
    metrics_set_label(board, METRIC_STATE, METRIC_STATE_DEGRADED, 1);
    metrics_set(board, METRIC_LISTENERS, 2);
    figures_rig_tenant(&rig, 1, &(struct metrics_text){.name = SLICE("b")});
    metrics_set(figures_rig_part(&rig, 0, METRIC_SCOPE_CERTIFICATE, SLICE("x")),
                METRIC_CERTIFICATE_EXPIRY, 3000000000);
    metrics_set(figures_rig_part(&rig, 1, METRIC_SCOPE_CERTIFICATE, SLICE("x")),
                METRIC_CERTIFICATE_EXPIRY, 4000000000);
    look(100);
    figures_rig_ask(cells, 30, 500, 0.0005);
    look(115);
    json = tell("");
    row = json_array_get(json_object_get(json, "tenants"), 0);
    cr_expect_eq(json_array_size(row), json_array_size(json_object_get(json, "columns")));
    expect(row, "[\"acme\",\"net\",\"degraded\",0,2,0,3000000000,\"bad\",2,2,0.001,0.001,[2],[2]]");
    expect(json_array_get(json_object_get(json, "tenants"), 1),
           "[\"b\",\"\",\"\",0,0,0,4000000000,\"\",0,0,null,null,null,null]");
    json_decref(json);
}

Test(page_json, any_bytes_are_a_name)
{
    static const char name[] = "\"<b>\\\n\t\x01\xff\xc3\xa9</b>";
    json_t *json;

    figures_rig_tenant(&rig, 0,
                       &(struct metrics_text){.name = slice_of(name), .error = slice_of(name)});
    json = tell("");
    expect(json_array_get(json_array_get(json_object_get(json, "tenants"), 0), 0),
           "\"\\\"<b>\\\\\\n\\t\\u0001\xef\xbf\xbd\xc3\xa9</b>\"");
    json_decref(json);
    json = tell(name);
    cr_expect_eq(json_array_size(json_object_get(json, "tenants")), 1);
    json_decref(json);
}

Test(page_json, the_longest_texts_fit)
{
    static char longest[METRICS_LONG_TEXT];
    json_t *json;

    memset(longest, 1, sizeof(longest) - 300);
    figures_rig_tenant(&rig, 0,
                       &(struct metrics_text){.name = SLICE("a"), .error = slice_of(longest)});
    for (int i = 0; i < HISTORY_ERRORS; i++) {
        longest[0] = (char)(i + 1);
        metrics_board_set_text(
            &rig.board, 0, &(struct metrics_text){.name = SLICE("a"), .error = slice_of(longest)});
        look(100 + i);
    }
    json = tell("a");
    cr_expect_eq(json_string_length(json_object_get(json, "error")), strlen(longest));
    cr_expect_eq(json_array_size(json_object_get(json, "complaints")), HISTORY_ERRORS);
    json_decref(json);
}

Test(page_json, one_tenant_has_parts_and_all_figures)
{
    struct metrics_cells *cells, *server;
    json_t *json, *figures, *part;

    cells = figures_rig_tenant(&rig, 0, &(struct metrics_text){.name = SLICE("a")});
    figures_rig_tenant(&rig, 1, &(struct metrics_text){.name = SLICE("b")});
    figures_rig_ask(cells, 3, 204, 0.0005);
    server = figures_rig_part(&rig, 0, METRIC_SCOPE_ENDPOINT, SLICE("10.0.0.1:80\0app"));
    metrics_add(server, METRIC_ENDPOINT_REQUESTS, 3);
    figures_rig_part(&rig, 0, METRIC_SCOPE_LISTENER, SLICE("0.0.0.0:443"));
    figures_rig_part(&rig, 1, METRIC_SCOPE_LISTENER, SLICE("other"));
    json = tell("a");
    cr_expect_eq(json_array_size(json_object_get(json, "tenants")), 1);
    figures = json_object_get(json, "figures");
    expect(json_object_get(figures, "nsgate_requests_total"), "{\"h1 2xx\":3}");
    expect(json_object_get(json_object_get(figures, "nsgate_request_duration_seconds"), "count"),
           "3");
    cr_expect_not_null(json_object_get(json_object_get(json, "help"), "nsgate_connections"));
    cr_expect_eq(json_array_size(json_object_get(json, "parts")), 2);
    part = json_array_get(json_object_get(json, "parts"), 1);
    expect(json_object_get(part, "scope"), "\"endpoint\"");
    expect(json_object_get(json_object_get(part, "figures"), "nsgate_endpoint_requests_total"),
           "3");
    json_decref(json);
    json = tell("nobody");
    cr_expect_eq(json_array_size(json_object_get(json, "tenants")), 0);
    cr_expect_null(json_object_get(json, "figures"));
    json_decref(json);
}

Test(page_json, many_tenants_come_in_pieces)
{
    char name[32];
    json_t *json;

    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "tenant-%u", i);
        figures_rig_tenant(&rig, i, &(struct metrics_text){.name = slice_of(name)});
    }
    json = tell("");
    cr_expect_eq(json_array_size(json_object_get(json, "tenants")), 2000);
    json_decref(json);
}
