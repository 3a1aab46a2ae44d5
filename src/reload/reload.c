/* SPDX-License-Identifier: MIT */
/* Reloads: finding what changed, having it examined, and saying when all of it is in force. */
#include "reload/reload.h"

#include "apply_internal.h"
#include "conflicts_internal.h"
#include "removal_internal.h"
#include "tenant_reload_internal.h"

#include "control/protocol.h"
#include "files/tenant_files.h"
#include "reload/report.h"

#include "base/container_of.h"

#include <malloc.h>
#include <stdio.h>

#define RELOAD_LIMIT  10.0 /* seconds to wait for workers that do not commit */
#define RELOAD_REASON 512  /* bytes of why a file is no tenant's */

/* ---- the end ---- */

static unsigned reload_count_waiting(const struct reload *reload)
{
    unsigned waiting = 0;

    REGISTRY_FOREACH (record, reload->registry) {
        waiting += record->awaits_names;
        LISTENERS_FOREACH (listener, &record->sockets) {
            if (listener->state != LISTENER_BOUND) {
                waiting++;
                break;
            }
        }
    }
    return waiting;
}

static void reload_summary(const struct reload *reload, char text[RELOAD_TEXT])
{
    const unsigned *counts = reload->outcomes.counts;
    int len = snprintf(text, RELOAD_TEXT, "reload %s: %u added, %u changed, %u removed, %u refused",
                       reload->is_overdue ? "incomplete" : "done", counts[OUTCOME_ADDED],
                       counts[OUTCOME_CHANGED], counts[OUTCOME_REMOVED], counts[OUTCOME_REFUSED]);

    if (outcomes_lack(&reload->outcomes))
        len += snprintf(text + len, RELOAD_TEXT - (size_t)len, ", %u degraded, %u waiting",
                        counts[OUTCOME_DEGRADED], counts[OUTCOME_WAITING]);
    if (counts[OUTCOME_BLOCKED] > 0)
        len += snprintf(text + len, RELOAD_TEXT - (size_t)len, ", %u blocked",
                        counts[OUTCOME_BLOCKED]);
    if (reload->settings_kept > 0)
        snprintf(text + len, RELOAD_TEXT - (size_t)len, ", %u setting%s not taken over",
                 reload->settings_kept, reload->settings_kept == 1 ? "" : "s");
}

static enum control_status reload_status(const struct reload *reload)
{
    if (reload->outcomes.counts[OUTCOME_REFUSED] > 0 || reload->settings_kept > 0 ||
        reload->is_overdue)
        return CONTROL_REFUSED;
    return outcomes_lack(&reload->outcomes) ? CONTROL_LACKING : CONTROL_GOOD;
}

static void reload_tell(struct reload *reload)
{
    const unsigned *counts = reload->outcomes.counts;
    char text[RELOAD_TEXT];

    outcomes_finish(reload);
    if (reload->kind == RELOAD_START)
        snprintf(text, sizeof(text), "started: %u tenants, %u waiting, %u refused, %u workers",
                 counts[OUTCOME_ADDED], reload_count_waiting(reload), counts[OUTCOME_REFUSED],
                 reload->inputs.workers);
    else
        reload_summary(reload, text);
    log_notice("%s", text);
    notify_ready(reload->notify, text);
    control_tell_reload_ended(reload->control, text, (int)reload_status(reload));
    reload->events->on_ended(reload->owner, reload_status(reload) == CONTROL_REFUSED
                                                ? METRIC_RELOAD_PARTIAL
                                                : METRIC_RELOAD_DONE);
}

static void reload_describe(const struct hold *hold, char text[PENDING_TEXT])
{
    snprintf(text, PENDING_TEXT, "the end of a reload (%u tenants are being examined)",
             CONTAINER_OF(hold, struct reload, hold)->examiner.count);
}

static void reload_set_kind(struct reload *reload, enum reload_kind kind)
{
    reload->kind = kind;
    hold_set(&reload->hold, kind == RELOAD_NONE ? 0 : PENDING_UPGRADE | PENDING_ARRIVAL);
}

static void reload_finish(struct reload *reload)
{
    deadline_stop(&reload->limit);
    reload->is_committing = false;
    if (reload->kind == RELOAD_TEST) {
        loop_stop(reload->loop);
        return;
    }
    reload_tell(reload);
    reload_set_kind(reload, RELOAD_NONE);
    malloc_trim(0); /* trees and raw bundles have come and gone */
    reload_begin_held(reload);
}

static void reload_on_limit(struct deadline *limit)
{
    struct reload *reload = CONTAINER_OF(limit, struct reload, limit);
    char text[RELOAD_REASON];

    snprintf(text, sizeof(text), "%u workers have not taken it over within %g s",
             reload->events->count_lagging(reload->owner), RELOAD_LIMIT);
    log_error("%s", text);
    control_tell_line(reload->control, "error", text);
    reload->is_overdue = true;
    reload_finish(reload);
}

void reload_keep_setting(struct reload *reload, const char *text)
{
    if (reload->kind != RELOAD_ASKED)
        return;
    reload->settings_kept++;
    control_tell_line(reload->control, "error", text);
}

/* ---- one tenant ---- */

void reload_withdraw(struct reload *reload, struct record *record, const char *why)
{
    const struct plan *kept = record->examination ? &record->examination->plan
                              : record->contender ? &record->contender->plan
                                                  : NULL;

    report_text(reload, record, DIAG_ERROR, "%s: %s", record->file, why);
    retry_later(&reload->retries, record, RETRY_DEATH, &record->plan.dependencies);
    apply_withdrawal(reload, record, kept);
    outcomes_refused(reload, record);
}

static void reload_todo(struct reload *reload, struct record *record)
{
    record->is_todo = true;
    retry_forget(record);
    record_set_names_trouble(record, NULL);
    TAILQ_INSERT_TAIL(&reload->todo, record, todo);
}

/* ---- going on ---- */

/* No file is to be read or examined any more. */
static void reload_decide(struct reload *reload)
{
    tenant_reload_settle(reload);
    if (reload->namespaces->is_contested)
        namespaces_refresh(reload->namespaces, true);
}

static void reload_step(struct loop_task *task)
{
    struct reload *reload = CONTAINER_OF(task, struct reload, step);
    struct record *record;

    if (reload->kind == RELOAD_NONE)
        return;
    while ((record = TAILQ_FIRST(&reload->todo)) && examiner_has_room(&reload->examiner)) {
        TAILQ_REMOVE(&reload->todo, record, todo);
        record->is_todo = false;
        tenant_reload_begin(reload, record);
    }
    if (record || reload->examiner.count > 0)
        return;
    if (!reload->is_committing)
        reload_decide(reload);
    if (!pending_first(reload->loop, PENDING_RELOAD)) {
        reload_finish(reload);
    } else if (!reload->is_committing) {
        reload->is_committing = true;
        deadline_set(&reload->limit, RELOAD_LIMIT);
    }
}

void reload_advance(struct reload *reload)
{
    if (reload->kind != RELOAD_NONE)
        loop_defer(reload->loop, &reload->step);
}

static void reload_on_settled(struct pending_waiter *waiter)
{
    reload_advance(CONTAINER_OF(waiter, struct reload, settled));
}

/* ---- the beginning ---- */

static bool reload_must_examine(const struct reload *reload, const struct record *record, bool all)
{
    return all || !record_is_in_force(record) || record->is_refused || record->plan.has_names ||
           !dependencies_unchanged(&record->plan.dependencies, &config_files) ||
           reload->kind != RELOAD_ASKED;
}

/* A file without a tenant of its own: it counts as refused. */
static void reload_refuse_file(struct reload *reload, const struct tenant_file *file,
                               const char *why, const char *which)
{
    char reason[RELOAD_REASON];

    snprintf(reason, sizeof(reason), "%s%s", why, which);
    report_text(reload, NULL, DIAG_ERROR, "%s: tenant \"%.*s\" is refused: %s", file->path,
                SLICE_PRINTF(file->name), reason);
    outcomes_tell(reload, OUTCOME_REFUSED, file->name, reason);
}

static void reload_see_file(struct reload *reload, const struct tenant_file *file, bool all)
{
    struct record *record = registry_find(reload->registry, file->name);
    bool has_moved;

    if (!config_tenant_name_is_valid(file->name)) {
        reload_refuse_file(reload, file, "names are [A-Za-z0-9._-]{1,64}", "");
        return;
    }
    if (record && record->seen == reload->number) {
        if (strcmp(record->file, file->path) == 0)
            return; /* two patterns name it */
        reload_refuse_file(reload, file, "the same name comes from ", record->file);
        return;
    }
    if (!record)
        record = registry_add(reload->registry, file->name, file->path, reload->inputs.tally);
    if (!record) {
        reload_refuse_file(reload, file, "there are too many tenants", "");
        return;
    }
    has_moved = strcmp(record->file, file->path) != 0;
    record_set_file(record, file->path);
    record->seen = reload->number;
    if (has_moved || reload_must_examine(reload, record, all)) {
        reload_todo(reload, record);
    } else {
        reload->events->on_kept(reload->owner, record);
    }
}

static void reload_remove_unseen(struct reload *reload)
{
    REGISTRY_FOREACH (record, reload->registry) {
        if (record->seen == reload->number)
            continue;
        if (record_is_in_force(record))
            outcomes_tell(reload, OUTCOME_REMOVED, slice_of(record->name), NULL);
        apply_removal(reload, record);
    }
}

/* all: every tenant is read anew, whatever its files' identities say. */
static void reload_collect(struct reload *reload, const struct tenant_files *files, bool all)
{
    for (size_t i = 0; i < files->count; i++)
        reload_see_file(reload, &files->items[i], all);
    reload_remove_unseen(reload);
    reload_advance(reload);
}

static void reload_reset(struct reload *reload, enum reload_kind kind)
{
    reload_set_kind(reload, kind);
    reload->examiner.is_single = kind == RELOAD_TEST;
    reload->retries.is_off = kind == RELOAD_TEST;
    reload->number++;
    reload->outcomes = (struct outcomes){0};
    reload->settings_kept = 0;
    reload->is_overdue = false;
}

/* With the settings that are in force. */
static int reload_begin_first(struct reload *reload, enum reload_kind kind, struct diag_list *diags)
{
    struct tenant_files files;
    int result = tenant_files_find(&files, reload->inputs.settings, reload->inputs.config,
                                   &config_files, diags);

    reload_reset(reload, kind);
    report_start(diags, kind == RELOAD_TEST);
    if (result == 0)
        reload_collect(reload, &files, true);
    else
        reload_set_kind(reload, RELOAD_NONE);
    tenant_files_free(&files);
    return result;
}

static void reload_tell_refusal(struct reload *reload, const struct diag_list *diags,
                                const struct removal *removal)
{
    char text[RELOAD_TEXT];

    if (removal->removed > 0)
        snprintf(text, sizeof(text),
                 "reload refused: it would remove %u of %u tenants, whose files are not there any "
                 "more; everything stays as it is. If that is meant: nsgate -s reload --force",
                 removal->removed, removal->total);
    else
        snprintf(text, sizeof(text), "reload refused: %u error%s in %s", diags->errors,
                 diags->errors == 1 ? "" : "s", reload->inputs.config);
    log_notice("%s", text);
    notify_ready(reload->notify, text);
    control_tell_reload_refused(reload->control, diags, text);
    reload->events->on_ended(reload->owner, METRIC_RELOAD_REFUSED);
}

/* Fills *removal only when it is more than may be. */
static bool reload_may_remove(struct reload *reload, const struct tenant_files *files,
                              struct removal *removal)
{
    struct removal all = removal_of(reload->registry, files);

    if (reload->is_forced || !removal_is_too_much(&all))
        return true;
    *removal = all;
    return false;
}

static int reload_begin_asked(struct reload *reload, struct diag_list *diags)
{
    struct settings *settings = settings_read(reload->inputs.config, &config_files, diags);
    struct tenant_files files = {0};
    struct removal removal = {0};
    int result = -1;

    notify_reloading(reload->notify);
    if (settings)
        result = tenant_files_find(&files, settings, reload->inputs.config, &config_files, diags);
    report_diags(reload, NULL, diags);
    if (result == 0 && !reload_may_remove(reload, &files, &removal))
        result = -1;
    if (result == 0) {
        bool all = !settings_same_tenancy(reload->inputs.settings, settings);

        reload_reset(reload, RELOAD_ASKED);
        control_tell_reload_begun(reload->control, diags);
        reload->inputs.settings = settings; /* before those of now are freed */
        reload->events->on_settings(reload->owner, settings);
        namespaces_on_reload(reload->namespaces);
        reload_collect(reload, &files, all);
    } else {
        reload_tell_refusal(reload, diags, &removal);
        settings_free(settings);
    }
    reload->is_forced = false;
    if (settings)
        tenant_files_free(&files);
    return result;
}

int reload_begin(struct reload *reload, enum reload_kind kind)
{
    struct diag_list diags;
    int result;

    if (reload->is_over)
        return 0;
    if (reload->kind != RELOAD_NONE || reload->events->is_held(reload->owner)) {
        reload->is_wanted = true;
        return 0;
    }
    diag_list_init(&diags);
    if (kind == RELOAD_ASKED)
        result = reload_begin_asked(reload, &diags);
    else
        result = reload_begin_first(reload, kind, &diags);
    diag_list_free(&diags);
    return result;
}

void reload_begin_held(struct reload *reload)
{
    if (reload->kind != RELOAD_NONE || !reload->is_wanted)
        return;
    reload->is_wanted = false;
    reload_begin(reload, RELOAD_ASKED);
}

/* ---- life ---- */

void reload_init(struct reload *reload, const struct reload_parts *parts,
                 const struct reload_events *events, const struct examiner_resolver *resolver,
                 void *owner)
{
    *reload = (struct reload){.loop = parts->loop,
                              .registry = parts->registry,
                              .namespaces = parts->namespaces,
                              .sockets = parts->sockets,
                              .control = parts->control,
                              .notify = parts->notify,
                              .events = events,
                              .owner = owner};
    record_random(reload->secret, sizeof(reload->secret));
    TAILQ_INIT(&reload->todo);
    TAILQ_INIT(&reload->contenders);
    reload->step.run = reload_step;
    deadline_init(&reload->limit, reload->loop, reload_on_limit);
    hold_init(&reload->hold, reload->loop, reload_describe);
    reload->settled =
        (struct pending_waiter){.scope = PENDING_RELOAD, .on_idle = reload_on_settled};
    pending_wait(reload->loop, &reload->settled);
    examiner_init(&reload->examiner, reload->loop, &reload->registry->claims);
    examiner_connect(&reload->examiner, resolver, owner);
    examiner_tell(&reload->examiner, &tenant_reload_examiner, reload);
    retries_init(&reload->retries, reload->registry, reload->loop, &tenant_reload_retry, reload);
}

void reload_abandon(struct reload *reload)
{
    deadline_stop(&reload->limit);
    conflicts_abandon(reload);
    examiner_free(&reload->examiner);
    retries_stop(&reload->retries);
    reload->is_over = true;
    reload->is_wanted = false;
    reload_set_kind(reload, RELOAD_NONE);
}

void reload_free(struct reload *reload)
{
    reload_abandon(reload);
    pending_wait_no_more(reload->loop, &reload->settled);
    loop_cancel(reload->loop, &reload->step);
}
