/* SPDX-License-Identifier: MIT */
/* What the control socket may ask for, and the answer to -s status. */
#include "supervisor_internal.h"

#include "children/figures.h"
#include "control/protocol.h"
#include "control/status.h"
#include "reload/record_state.h"

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

/* The workers are asked first. */
static const char *request_status(void *owner)
{
    sockets_look_for_addresses(&((struct supervisor *)owner)->sockets);
    figures_ask(&((struct supervisor *)owner)->children);
    return NULL;
}

/* As the least confined of the workers that run has it. */
static void status_sandbox(const struct children *children, struct status_gateway *gateway)
{
    uint8_t mode = children->identity.sandbox, landlock = UINT8_MAX;

    for (unsigned i = 0; i < children->present.count; i++) {
        const struct child *worker = &children->present.workers[i];

        if (worker->state != CHILD_READY)
            continue;
        mode = worker->sandbox < mode ? worker->sandbox : mode;
        landlock = worker->landlock < landlock ? worker->landlock : landlock;
    }
    gateway->sandbox = mode == SANDBOX_OFF && children->identity.sandbox != SANDBOX_OFF
                           ? "missing"
                           : sandbox_mode_name(mode);
    gateway->landlock = landlock == UINT8_MAX ? 0 : landlock;
}

static bool status_has_worker(const struct children *children)
{
    WORKERS_FOREACH (worker, children) {
        if (worker->state == CHILD_READY)
            return true;
    }
    return false;
}

static const char *status_state(const struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return "ending";
    return supervisor->reload.kind == RELOAD_START || !status_has_worker(&supervisor->children)
               ? "starting"
               : "serving";
}

static void status_gateway(struct supervisor *supervisor)
{
    struct status_gateway gateway = {
        .state = status_state(supervisor),
        .uptime = loop_now(&supervisor->loop) - supervisor->started,
        .generation = supervisor->children.generation,
        .workers = supervisor->children.present.count,
        .draining = supervisor->children.handover.former.count,
        .is_arriving = supervisor->upgrade.is_arriving,
        .connections = supervisor->children.figures.connections,
        .is_partial = supervisor->children.figures.is_partial,
    };

    status_sandbox(&supervisor->children, &gateway);
    status_tell_gateway(&supervisor->control, &gateway);
}

static void status_tenant(struct supervisor *supervisor, const struct record *record,
                          struct arena *arena)
{
    const struct plan *plan = &record->plan;
    const struct status_tenant tenant = {
        .name = record->name,
        .netns = plan->netns.text ? plan->netns.text : "",
        .inode = resident_where(&record->sockets.resident)
                     .inode, /* while we hold a socket there: see struct netns_id */
        .state = record_state_name(record),
        .bound = record_count_bound(record),
        .listeners = plan->listener_count,
        .connections = record->assignment.figures.connections,
        .draining = record->assignment.figures.draining,
        .requests = record->assignment.figures.requests,
        .refused = record->assignment.figures.refused,
        .expires = plan->expires,
        .generation = record->version,
        .error = record_trouble(record, arena),
    };

    status_tell_tenant(&supervisor->control, &tenant);
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

void requests_on_figures(struct supervisor *supervisor)
{
    int status = CONTROL_GOOD;
    struct arena arena;

    arena_init(&arena, 4096);
    status_gateway(supervisor);
    REGISTRY_FOREACH (record, &supervisor->registry) {
        arena_reset(&arena);
        status_tenant(supervisor, record, &arena);
        status = status_judge(record, status);
    }
    arena_free(&arena);
    control_end_each(&supervisor->control, CONTROL_COUNTING, status);
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
