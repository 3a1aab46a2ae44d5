/* SPDX-License-Identifier: MIT */
/* What -s status --json says, from a snapshot. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;

static void begin(void)
{
    rig_begin(&rig);
}

static void end(void)
{
    rig_end(&rig);
}

TestSuite(json, .init = begin, .fini = end);

static void expect(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "no %s in %s", part, text);
}

Test(json, has_the_gateway_and_its_tenants)
{
    uint64_t owner = rig_tenant(&rig, 0, "acme"), other = rig_tenant(&rig, 1, "b");
    struct metrics_cells *cells = rig_take(&rig, 0, METRIC_SCOPE_TENANT, owner, SLICE(""));
    char *text;

    metrics_add_label(cells, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H1, 200), 3);
    metrics_add_label(cells, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H2, 500), 4);
    metrics_add_label(cells, METRIC_REFUSED, METRIC_LIMIT_MAX_HANDSHAKES, 2);
    metrics_set(metrics_gateway(&rig.board), METRIC_START_TIME, 1000);
    metrics_set_label(metrics_gateway(&rig.board), METRIC_SANDBOX, 2, 1);
    metrics_move(metrics_worker(&rig.workers[0], 0), METRIC_WORKER_CONNECTIONS, 8);
    metrics_set_label(metrics_board_tenant(&rig.board, 0), METRIC_STATE, METRIC_STATE_DEGRADED, 1);
    metrics_set(metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, owner, SLICE("b\0server")),
                METRIC_CERTIFICATE_EXPIRY, 86400);
    metrics_set(metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, owner, SLICE("a\0server")),
                METRIC_CERTIFICATE_EXPIRY, 86401);
    metrics_set(metrics_take(&rig.board, METRIC_SCOPE_CERTIFICATE, other, SLICE("a\0server")),
                METRIC_CERTIFICATE_EXPIRY, 86403);
    metrics_board_set_text(
        &rig.board, 0,
        &(struct metrics_text){SLICE("acme"), SLICE("/run/netns/\"a"), SLICE("no\nroom")});
    text = rig_json(&rig, 1060.9);
    expect(text, "\"uptime\":60,");
    expect(text, "\"sandbox\":\"on\",\"landlock\":null");
    expect(text, "\"connections\":8,\"partial\":false");
    expect(text, "{\"tenant\":\"acme\",\"namespace\":\"/run/netns/\\\"a\",\"inode\":null,"
                 "\"state\":\"degraded\",");
    expect(text, "\"requests\":7,\"refused_handshakes\":2,"
                 "\"certificate_expiry\":\"1970-01-02T00:00:00Z\"");
    expect(text, "\"last_error\":\"no\\nroom\"}");
    expect(text, "\"certificate_expiry\":\"1970-01-02T00:00:03Z\"");
    expect(text, "\"last_error\":null}\n]}\n");
    free(text);
}

Test(json, without_tenants_is_whole)
{
    char *text = rig_json(&rig, 0.);

    expect(text, "\"uptime\":0,");
    expect(text, "\"tenants\":[\n\n]}\n");
    free(text);
}
