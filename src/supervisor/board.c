/* SPDX-License-Identifier: MIT */
/* What the board says of the gateway and of each tenant: looked at once a second, and whenever
 * somebody asks. Workers count the rest themselves. */
#include "supervisor_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "reload/record_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)RECORD_SERVING == (int)METRIC_STATE_SERVING &&
                   (int)RECORD_REFUSED == (int)METRIC_STATE_REFUSED,
               "states have the order of their labels");

/* ---- the gateway ---- */

/* As the least confined of the workers that run has it. */
static void board_sandbox(const struct children *children, struct metrics_cells *cells)
{
    uint8_t mode = children->identity.sandbox, landlock = UINT8_MAX;
    unsigned label;

    GENERATION_FOREACH (worker, &children->present) {
        if (worker->state != CHILD_READY)
            continue;
        mode = worker->sandbox < mode ? worker->sandbox : mode;
        landlock = worker->landlock < landlock ? worker->landlock : landlock;
    }
    label = mode == SANDBOX_OFF && children->identity.sandbox != SANDBOX_OFF
                ? METRIC_SANDBOX_MISSING
                : mode;
    for (unsigned i = 0; i < METRIC_SANDBOX_MODES; i++)
        metrics_set_label(cells, METRIC_SANDBOX, i, i == label);
    metrics_set(cells, METRIC_LANDLOCK, landlock == UINT8_MAX ? 0 : landlock);
}

static unsigned board_count_running(const struct generation *generation)
{
    unsigned count = 0;

    GENERATION_FOREACH (worker, generation)
        count += worker->pid > 0;
    return count;
}

static bool board_has_worker(const struct children *children)
{
    WORKERS_FOREACH (worker, children) {
        if (worker->state == CHILD_READY)
            return true;
    }
    return false;
}

static enum metric_gateway board_state(const struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return METRIC_GATEWAY_ENDING;
    return supervisor->reload.kind == RELOAD_START || !board_has_worker(&supervisor->children)
               ? METRIC_GATEWAY_STARTING
               : METRIC_GATEWAY_SERVING;
}

static void board_gateway(struct supervisor *supervisor)
{
    struct children *children = &supervisor->children;
    struct metrics_cells *cells = metrics_gateway(&children->figures.board);
    unsigned long dropped = log_dropped();
    unsigned ready = 0;

    GENERATION_FOREACH (worker, &children->present)
        ready += worker->state == CHILD_READY;
    metrics_set(cells, METRIC_BUILD_INFO, 1);
    for (unsigned i = 0; i < METRIC_GATEWAY_STATES; i++)
        metrics_set_label(cells, METRIC_GATEWAY_STATE, i, i == board_state(supervisor));
    metrics_set(
        cells, METRIC_START_TIME,
        (uint64_t)((double)time(NULL) - (loop_now(&supervisor->loop) - supervisor->started)));
    metrics_set(cells, METRIC_PID, (uint64_t)getpid());
    metrics_set(cells, METRIC_GENERATION, children->generation);
    metrics_set(cells, METRIC_WORKERS_WANTED, children->present.count);
    metrics_set(cells, METRIC_WORKERS_READY, ready);
    metrics_set(cells, METRIC_WORKERS_DRAINING, board_count_running(&children->handover.former));
    metrics_set(cells, METRIC_UPGRADES, supervisor->upgrade.count);
    metrics_add(cells, METRIC_LOG_DROPPED, dropped - supervisor->log_dropped);
    supervisor->log_dropped = dropped;
    board_sandbox(children, cells);
}

/* ---- tenants ---- */

static struct metrics_cells *board_certificate(struct metrics_file *board, uint64_t owner,
                                               const struct plan_certificate *certificate)
{
    const char *kind = tls_kind_name(certificate->kind);
    size_t start = strlen(certificate->server) + 1, len = start + strlen(kind);
    char *name = memory_alloc(len);
    struct metrics_cells *cells;

    memcpy(name, certificate->server, start);
    memcpy(name + start, kind, len - start);
    cells = metrics_take(board, METRIC_SCOPE_CERTIFICATE, owner, (struct slice){name, len});
    metrics_set(cells, METRIC_CERTIFICATE_EXPIRY, (uint64_t)certificate->expires);
    free(name);
    return cells;
}

/* They change with the plan alone, which another version of it has. */
static void board_certificates(struct metrics_file *board, struct record *record, uint64_t owner)
{
    const struct plan *plan = &record->plan;

    if (record->certificates_of == record->version &&
        record->certificate_count == plan->certificate_count)
        return;
    metrics_board_begin(board);
    for (uint32_t i = 0; i < record->certificate_count; i++)
        metrics_release(board, record->certificates[i]);
    free(record->certificates);
    record->certificates = memory_zeroed(plan->certificate_count, sizeof(record->certificates[0]));
    record->certificate_count = plan->certificate_count;
    record->certificates_of = record->version;
    for (uint32_t i = 0; i < plan->certificate_count; i++)
        record->certificates[i] = board_certificate(board, owner, &plan->certificates[i]);
    metrics_board_end(board);
}

static void board_tenant(struct supervisor *supervisor, struct record *record, struct arena *arena)
{
    struct figures *figures = &supervisor->children.figures;
    uint32_t slot = record->assignment.slot;
    const char *netns = record->plan.netns.text;
    struct metrics_text text = {.name = slice_of(record->name),
                                .netns = slice_of(netns ? netns : ""),
                                .error = record_trouble(record, arena)};
    struct metrics_cells *cells;

    board_certificates(&figures->board, record, figures_enter(figures, slot));
    cells = metrics_board_tenant(&figures->board, slot);
    if (metrics_counted(cells, METRIC_TENANT_GENERATION, 0) != record->version)
        metrics_set(cells, METRIC_TENANT_TIME, (uint64_t)time(NULL));
    metrics_set(cells, METRIC_TENANT_GENERATION, record->version);
    for (unsigned i = 0; i < METRIC_STATES; i++)
        metrics_set_label(cells, METRIC_STATE, i, i == (unsigned)record_state(record));
    metrics_set(cells, METRIC_NAMESPACE, resident_where(&record->sockets.resident).inode);
    metrics_set(cells, METRIC_LISTENERS, record->plan.listener_count);
    metrics_set(cells, METRIC_LISTENERS_BOUND, record_count_bound(record));
    metrics_board_set_text(&figures->board, slot, &text);
}

void board_follow(struct supervisor *supervisor)
{
    struct arena arena;

    if (!supervisor->children.figures.board.memory)
        return;
    metrics_board_sweep(&supervisor->children.figures.board);
    board_gateway(supervisor);
    arena_init(&arena, 4096);
    REGISTRY_FOREACH (record, &supervisor->registry) {
        board_tenant(supervisor, record, &arena);
        arena_reset(&arena);
    }
    arena_free(&arena);
    observing_share(&supervisor->observing);
}
