/* SPDX-License-Identifier: MIT */
/* What a reload is told of the supervisor and tells it: workers, the resolver, who waits for it. */
#include "supervisor_internal.h"

#include "children/generation.h"
#include "children/workers.h"
#include "namespaces/containers.h"

#include <string.h>
#include <time.h>

/* ---- settings that change ---- */

/* The pid file and the control socket move together, or stay where the operator knows them to be.
 */
static void reloading_change_pid(struct supervisor *supervisor, const struct settings *settings)
{
    struct pid_file fresh = {0};
    char text[SETTING_TEXT];
    struct arena arena;
    char *path;

    arena_init(&arena, 512);
    path = arena_text(&arena, settings->model.pid_file);
    if (supervisor->pid.path && strcmp(supervisor->pid.path, path) != 0) {
        if (pid_file_take(&fresh, path, text, sizeof(text)) == 0 &&
            control_open(&supervisor->control, path, text, sizeof(text)) == 0) {
            pid_file_release(&supervisor->pid);
            supervisor->pid = fresh;
        } else {
            pid_file_release(&fresh);
            log_error("%s", text);
            reload_keep_setting(&supervisor->reload, text);
        }
    }
    arena_free(&arena);
}

void reloading_apply_settings(struct supervisor *supervisor)
{
    const struct config_main *model = &supervisor->settings->model;
    struct workforce *wanted = &supervisor->children.wanted;

    *wanted = (struct workforce){.count = settings_workers(supervisor->settings),
                                 .per_tenant = model->workers_per_tenant,
                                 .drain_time = model->worker_shutdown_timeout,
                                 .identity = supervisor->settings->identity};
    wanted->identity.keep = !supervisor->is_root;
    namespace_containers_set_engine(&supervisor->namespaces, model->container_socket);
    sockets_set(&supervisor->sockets, model->netns_shared, model->worker_shutdown_timeout);
}

/* In force as far as a running process can, and the old ones are freed. */
static void reloading_on_settings(void *owner, struct settings *settings)
{
    struct supervisor *supervisor = owner;

    reloading_change_pid(supervisor, settings);
    settings_free(supervisor->settings);
    supervisor->settings = settings;
    reloading_apply_settings(supervisor);
    logging_follow(&supervisor->logging, settings, false);
    observing_follow(&supervisor->observing, settings);
    generation_follow(&supervisor->children);
}

/* ---- a tenant's workers ---- */

static void reloading_on_kept(void *owner, struct record *record)
{
    struct children *children = &((struct supervisor *)owner)->children;

    workers_assign(children, &record->assignment); /* workers_per_tenant may be another */
    workers_send(children, &record->assignment);
}

static void reloading_on_changed(void *owner, struct record *record)
{
    struct supervisor *supervisor = owner;
    struct children *children = &supervisor->children;

    access_logs_follow(&supervisor->access_logs, record);
    observing_look(&supervisor->observing);
    workers_assign(children, &record->assignment);
    workers_changed(children, &record->assignment);
}

static void reloading_on_gone(void *owner, struct record *record)
{
    struct supervisor *supervisor = owner;

    workers_withdraw(&supervisor->children, &record->assignment);
    access_logs_leave(&supervisor->access_logs, record);
}

static void reloading_on_removed(void *owner, struct record *record)
{
    figures_leave(&((struct supervisor *)owner)->children.figures, record->assignment.slot);
}

static void reloading_on_ended(void *owner, enum metric_reload outcome)
{
    struct metrics_cells *cells = figures_gateway(&((struct supervisor *)owner)->children.figures);

    metrics_add_label(cells, METRIC_RELOADS, outcome, 1);
    for (unsigned i = 0; i < METRIC_RELOAD_OUTCOMES; i++)
        metrics_set_label(cells, METRIC_LAST_RELOAD, i, i == (unsigned)outcome);
    if (outcome == METRIC_RELOAD_DONE)
        metrics_set(cells, METRIC_RELOAD_TIME, (uint64_t)time(NULL));
    board_follow(owner);
}

/* ---- what it asks ---- */

/* Another binary is about to take over: it begins a reload anyway. Who asked by the control socket
 * wants to know of this one. */
static bool reloading_is_held(void *owner)
{
    const struct supervisor *supervisor = owner;

    return upgrade_is_due(&supervisor->upgrade) && control_is_quiet(&supervisor->control);
}

/* A reload looks into all that is refused, also the one behind an upgrade; and an upgrade is about
 * what is in force. */
static bool reloading_may_retry(void *owner)
{
    const struct upgrade *upgrade = &((struct supervisor *)owner)->upgrade;

    return upgrade->state == UPGRADE_NONE && !upgrade->is_arriving;
}

static unsigned reloading_count_lagging(void *owner)
{
    return generation_count_lagging(&((struct supervisor *)owner)->children);
}

static const struct reload_events reloading_events = {
    .on_settings = reloading_on_settings,
    .on_kept = reloading_on_kept,
    .on_changed = reloading_on_changed,
    .on_gone = reloading_on_gone,
    .on_removed = reloading_on_removed,
    .on_ended = reloading_on_ended,
    .is_held = reloading_is_held,
    .may_retry = reloading_may_retry,
    .count_lagging = reloading_count_lagging,
};

/* ---- the resolver ---- */

static struct ipc_channel *resolver_channel(void *owner)
{
    return ((struct supervisor *)owner)->children.resolver.channel;
}

/* The resolver runs while there is work and a moment longer: nobody who has seen all keys stays
 * around, and an idle gateway does without its memory. One that has died by itself or is still
 * ending comes back by child_on_death. */
static void resolver_on_work(void *owner)
{
    struct child *resolver = &((struct supervisor *)owner)->children.resolver;

    if (resolver->pid == 0 && !deadline_is_set(&resolver->timer) && !resolver->is_stopping)
        child_start(resolver);
}

static void resolver_on_idle(void *owner)
{
    struct child *resolver = &((struct supervisor *)owner)->children.resolver;

    if (child_is_up(resolver))
        child_dismiss(resolver);
}

static void resolver_on_overdue(void *owner, uint64_t serial)
{
    struct child *resolver = &((struct supervisor *)owner)->children.resolver;

    log_error("the resolver does not answer, killing it");
    resolver->working = serial;
    child_kill_hung(resolver);
}

static bool resolver_has_other_work(void *owner)
{
    const struct supervisor *supervisor = owner;

    return supervisor->namespaces.containers > 0 && !upgrade_is_due(&supervisor->upgrade);
}

static const struct examiner_resolver reloading_resolver = {
    .channel = resolver_channel,
    .on_work = resolver_on_work,
    .on_idle = resolver_on_idle,
    .on_overdue = resolver_on_overdue,
    .has_other_work = resolver_has_other_work,
};

void reloading_see_to_resolver(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_RUNNING)
        examiner_advance(&supervisor->reload.examiner);
}

/* ---- life ---- */

int supervisor_reload(struct supervisor *supervisor, enum reload_kind kind)
{
    supervisor->reload.inputs =
        (struct reload_inputs){.config = supervisor->config,
                               .settings = supervisor->settings,
                               .tally = supervisor->children.tally,
                               .dump = supervisor->dump,
                               .workers = supervisor->children.present.count,
                               .program = supervisor->program};
    return reload_begin(&supervisor->reload, kind);
}

void reloading_init(struct supervisor *supervisor)
{
    const struct reload_parts parts = {&supervisor->loop,       &supervisor->registry,
                                       &supervisor->namespaces, &supervisor->sockets,
                                       &supervisor->control,    &supervisor->notify};

    reload_init(&supervisor->reload, &parts, &reloading_events, &reloading_resolver, supervisor);
}
