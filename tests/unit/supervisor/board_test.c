/* SPDX-License-Identifier: MIT */
/* What the board says of the gateway and of tenants. */
#include "supervisor/supervisor_internal.h"

#include "base/log.h"
#include "base/memory.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static struct supervisor supervisor;

static const struct metrics_tenant *look(struct metrics_snapshot **snapshot, uint32_t slot)
{
    board_follow(&supervisor);
    metrics_snapshot_free(*snapshot);
    *snapshot = metrics_snapshot_new(supervisor.children.figures.reader, SLICE(""));
    cr_assert(*snapshot);
    return metrics_snapshot_find(*snapshot, slot);
}

/* Of one server, of two kinds. */
static void give_certificates(struct record *record, uint32_t count)
{
    record->plan.certificates = memory_zeroed(count, sizeof(record->plan.certificates[0]));
    record->plan.certificate_count = count;
    for (uint32_t i = 0; i < count; i++)
        record->plan.certificates[i] =
            (struct plan_certificate){.server = memory_text("acme.test"),
                                      .kind = (enum tls_kind)(TLS_KIND_ECDSA - i),
                                      .expires = 86400 + (int64_t)i};
}

Test(board, lines_that_the_log_lost_are_counted_once)
{
    struct metrics_snapshot *snapshot = NULL;
    int full = open("/dev/full", O_WRONLY);

    cr_assert_geq(full, 0);
    supervisor_init(&supervisor, "/nowhere", "/nowhere");
    cr_assert_eq(figures_open(&supervisor.children.figures), 0);
    log_set_sink(LOG_SINK_FILE, full);
    log_error("lost");
    log_error("lost, too");
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    close(full);
    for (int i = 0; i < 2; i++) {
        look(&snapshot, 0);
        cr_assert_eq(metrics_value(snapshot->gateway, METRIC_LOG_DROPPED, 0), 2);
    }
    metrics_snapshot_free(snapshot);
    supervisor_free(&supervisor);
}

Test(board, tells_of_the_gateway_and_of_each_tenant)
{
    struct metrics_snapshot *snapshot = NULL;
    const struct metrics_tenant *tenant;
    struct record *record;

    supervisor_init(&supervisor, "/nowhere", "/nowhere");
    board_follow(&supervisor); /* without a board nothing is told */
    cr_assert_eq(figures_open(&supervisor.children.figures), 0);
    record = registry_add(&supervisor.registry, SLICE("acme"), "/acme.conf", NULL);
    record_set_error(record, "acme.conf:1:1: no");
    record->is_refused = true;
    record->version = 3;
    give_certificates(record, 2);
    tenant = look(&snapshot, record->assignment.slot);
    cr_assert(slice_equal(tenant->text.name, SLICE("acme")));
    cr_assert(slice_equal(tenant->text.error, SLICE("acme.conf:1:1: no")));
    cr_assert_eq(metrics_value(tenant->cells, METRIC_STATE, METRIC_STATE_REFUSED), 1);
    cr_assert_eq(metrics_total(tenant->cells, METRIC_STATE), 1);
    cr_assert_eq(metrics_value(tenant->cells, METRIC_TENANT_GENERATION, 0), 3);
    cr_assert_geq(metrics_value(tenant->cells, METRIC_TENANT_TIME, 0), (uint64_t)time(NULL) - 60);
    cr_assert_eq(metrics_value(snapshot->gateway, METRIC_PID, 0), (uint64_t)getpid());
    cr_assert_eq(snapshot->part_count, 2);
    for (uint64_t i = 0; i < 2; i++)
        cr_assert_eq(metrics_value(snapshot->parts[i].cells, METRIC_CERTIFICATE_EXPIRY, 0),
                     86400 + i);
    cr_assert_str_eq(snapshot->parts[0].name, "acme.test");
    cr_assert_str_eq(snapshot->parts[0].name + sizeof("acme.test"), "ecdsa");
    cr_assert_str_eq(snapshot->parts[1].name + sizeof("acme.test"), "rsa");
    record->version++;
    record->plan.certificates[1].expires = 7;
    tenant = look(&snapshot, record->assignment.slot);
    cr_assert_eq(metrics_value(snapshot->parts[1].cells, METRIC_CERTIFICATE_EXPIRY, 0), 7);
    record_set_error(record, NULL);
    record->is_refused = false;
    plan_free(&record->plan);
    tenant = look(&snapshot, record->assignment.slot);
    cr_assert_eq(tenant->text.error.len, 0);
    cr_assert_eq(metrics_value(tenant->cells, METRIC_STATE, METRIC_STATE_WAITING), 1);
    cr_assert_eq(metrics_total(tenant->cells, METRIC_STATE), 1);
    cr_assert_eq(snapshot->part_count, 0, "it has no certificate any more");
    metrics_snapshot_free(snapshot);
    supervisor_free(&supervisor);
}
