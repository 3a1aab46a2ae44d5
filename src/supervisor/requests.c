/* SPDX-License-Identifier: MIT */
/* What the control socket may ask for, and the answer to -s status. */
#include "supervisor_internal.h"

#include "status_figures_internal.h"

#include "control/protocol.h"
#include "control/status.h"
#include "reload/record_state.h"

#include <stdlib.h>

static const char *const request_ending = "nsgate is ending";

/* ---- reload, reopen, upgrade ---- */

static const char *request_reload(void *owner)
{
    struct supervisor *supervisor = owner;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return request_ending;
    log_notice("reloading, as the control socket asks");
    supervisor_reload(supervisor, RELOAD_ASKED);
    return NULL;
}

static const char *request_forced_reload(void *owner)
{
    struct supervisor *supervisor = owner;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return request_ending;
    log_notice("reloading, as the control socket asks, whatever it removes");
    supervisor->reload.is_forced = true;
    supervisor_reload(supervisor, RELOAD_ASKED);
    return NULL;
}

static const char *request_reopen(void *owner)
{
    struct supervisor *supervisor = owner;

    log_notice("opening logs anew, as the control socket asks");
    reopening_begin(supervisor);
    return NULL;
}

static const char *request_upgrade(void *owner)
{
    struct supervisor *supervisor = owner;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return request_ending;
    log_notice("upgrading, as the control socket asks");
    upgrade_begin(&supervisor->upgrade);
    return NULL;
}

/* ---- status ---- */

/* The label of the one cell that is set. */
static const char *status_chosen(const uint64_t *cells, enum metric metric)
{
    const struct metric_labels *labels = &metric_sets[metric_rows[metric].set];
    uint32_t i = 0;

    while (i + 1 < labels->counts[0] && metrics_value(cells, metric, i) == 0)
        i++;
    return labels->values[0][i];
}

static void status_gateway(struct supervisor *supervisor, const struct metrics_snapshot *snapshot)
{
    const uint64_t *cells = snapshot->gateway;
    struct status_gateway gateway = {
        .state = status_chosen(cells, METRIC_GATEWAY_STATE),
        .uptime = loop_now(&supervisor->loop) - supervisor->started,
        .generation = supervisor->children.generation,
        .workers = supervisor->children.present.count,
        .ready = (unsigned)metrics_value(cells, METRIC_WORKERS_READY, 0),
        .draining = supervisor->children.handover.former.count,
        .is_arriving = supervisor->upgrade.is_arriving,
        .sandbox = status_chosen(cells, METRIC_SANDBOX),
        .landlock = (unsigned)metrics_value(cells, METRIC_LANDLOCK, 0),
        .last_reload = status_outcome(cells),
        .reloaded = (int64_t)metrics_value(cells, METRIC_RELOAD_TIME, 0),
    };

    for (unsigned i = 0; i < METRICS_WORKERS; i++) {
        if (snapshot->workers[i])
            gateway.connections +=
                metrics_value(snapshot->workers[i], METRIC_WORKER_CONNECTIONS, 0);
    }
    status_tell_gateway(&supervisor->control, &gateway);
}

static void status_tenant(struct supervisor *supervisor, const struct record *record,
                          const struct metrics_tenant *figures, struct arena *arena)
{
    const struct plan *plan = &record->plan;
    const uint64_t *cells = figures->cells;
    const struct status_tenant tenant = {
        .name = record->name,
        .netns = plan->netns.text ? plan->netns.text : "",
        .inode = resident_where(&record->sockets.resident)
                     .inode, /* while we hold a socket there: see struct netns_id */
        .state = record_state_name(record),
        .bound = record_count_bound(record),
        .listeners = plan->listener_count,
        .connections = metrics_value(cells, METRIC_CONNECTIONS, 0),
        .draining = metrics_value(cells, METRIC_DRAINING, 0),
        .requests = metrics_total(cells, METRIC_REQUESTS),
        .codes = status_codes(cells, arena),
        .durations = status_durations(cells, arena),
        .refused = metrics_total(cells, METRIC_REFUSED),
        .expires = plan->expires,
        .generation = record->version,
        .error = record_trouble(record, arena),
    };

    status_tell_tenant(&supervisor->control, &tenant);
}

/* servers: where they begin, of the index. */
static void status_upstreams(struct supervisor *supervisor, const struct record *record,
                             const struct metrics_snapshot *snapshot, uint32_t tenant,
                             uint32_t *servers)
{
    struct status_upstream upstream;

    while (status_next_upstream(snapshot, tenant, servers, &upstream)) {
        upstream.tenant = record->name;
        status_tell_upstream(&supervisor->control, &upstream);
    }
}

/* The worst that is to be seen, as a reload would end. */
static int status_judge(const struct record *record, int status)
{
    if (record->is_refused)
        return CONTROL_REFUSED;
    if (status == CONTROL_GOOD && (record_state(record) != RECORD_SERVING || record->awaits_names))
        return CONTROL_LACKING;
    return status;
}

static int status_tell(struct supervisor *supervisor, const struct metrics_snapshot *snapshot)
{
    uint32_t *servers = status_index_servers(snapshot);
    int status = CONTROL_GOOD;
    struct arena arena;

    arena_init(&arena, 4096);
    status_gateway(supervisor, snapshot);
    REGISTRY_FOREACH (record, &supervisor->registry) {
        const struct metrics_tenant *figures =
            metrics_snapshot_find(snapshot, record->assignment.slot);

        arena_reset(&arena);
        if (figures) {
            uint32_t tenant = (uint32_t)(figures - snapshot->tenants);

            status_tenant(supervisor, record, figures, &arena);
            status_upstreams(supervisor, record, snapshot, tenant, &servers[tenant]);
        }
        status = status_judge(record, status);
    }
    arena_free(&arena);
    free(servers);
    return status;
}

/* Answered at once: whoever counts is not asked. */
static const char *request_status(void *owner)
{
    struct supervisor *supervisor = owner;
    struct metrics_snapshot *snapshot;

    sockets_look_for_addresses(&supervisor->sockets);
    board_follow(supervisor);
    snapshot = metrics_snapshot_new(supervisor->children.figures.reader, SLICE(""));
    if (!snapshot)
        return "there are no figures";
    control_end_each(&supervisor->control, CONTROL_COUNTING, status_tell(supervisor, snapshot));
    metrics_snapshot_free(snapshot);
    return NULL;
}

/* ---- all ---- */

const struct control_request supervisor_requests[] = {
    {"reload", CONTROL_WAITING, request_reload},
    {"reload-forced", CONTROL_WAITING, request_forced_reload},
    {"reopen", CONTROL_REOPENING, request_reopen},
    {"status", CONTROL_COUNTING, request_status},
    {"upgrade", CONTROL_UPGRADING, request_upgrade},
    {NULL, CONTROL_READING, NULL},
};
