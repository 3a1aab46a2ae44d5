/* SPDX-License-Identifier: MIT */
/* Rounds: finding what changed, having it examined, and saying when all of it is in force. */
#include "round_internal.h"

#include "control/protocol.h"

#include "adopt_internal.h"
#include "contest_internal.h"
#include "removal_internal.h"
#include "workers_internal.h"

#include "files/plan_read.h"
#include "files/tenant_files.h"
#include "tenant/bundle.h"

#include "base/container_of.h"

#include <malloc.h>
#include <stdio.h>

#define ROUND_LIMIT  10.0 /* seconds to wait for workers that do not commit */
#define ROUND_REASON 512  /* bytes of why a file is no tenant's */

/* ---- the end of a round ---- */

static unsigned round_count_waiting(const struct supervisor *supervisor)
{
    const struct record *record;
    unsigned waiting = 0;

    for (record = supervisor->registry.records; record; record = record->hh.next) {
        waiting += record->awaits_names;
        for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
            if (record->sockets.listeners[i].state != LISTENER_BOUND) {
                waiting++;
                break;
            }
        }
    }
    return waiting;
}

static void round_summary(const struct round *round, char text[NOTIFY_TEXT])
{
    const unsigned *counts = round->outcomes.counts;
    int len = snprintf(text, NOTIFY_TEXT, "reload %s: %u added, %u changed, %u removed, %u refused",
                       round->is_overdue ? "incomplete" : "done", counts[OUTCOME_ADDED],
                       counts[OUTCOME_CHANGED], counts[OUTCOME_REMOVED], counts[OUTCOME_REFUSED]);

    if (outcomes_lack(&round->outcomes))
        len += snprintf(text + len, NOTIFY_TEXT - (size_t)len, ", %u degraded, %u waiting",
                        counts[OUTCOME_DEGRADED], counts[OUTCOME_WAITING]);
    if (counts[OUTCOME_BLOCKED] > 0)
        len += snprintf(text + len, NOTIFY_TEXT - (size_t)len, ", %u blocked",
                        counts[OUTCOME_BLOCKED]);
    if (round->settings_kept > 0)
        snprintf(text + len, NOTIFY_TEXT - (size_t)len, ", %u setting%s not taken over",
                 round->settings_kept, round->settings_kept == 1 ? "" : "s");
}

/* What who asked for the reload ends with. */
static int round_status(const struct round *round)
{
    if (round->outcomes.counts[OUTCOME_REFUSED] > 0 || round->settings_kept > 0 ||
        round->is_overdue)
        return CONTROL_REFUSED;
    return outcomes_lack(&round->outcomes) ? CONTROL_LACKING : CONTROL_GOOD;
}

static void round_tell(struct supervisor *supervisor)
{
    const struct round *round = &supervisor->round;
    const unsigned *counts = round->outcomes.counts;
    char text[NOTIFY_TEXT];

    outcomes_finish(supervisor);
    if (round->kind == ROUND_START)
        snprintf(text, sizeof(text), "started: %u tenants, %u waiting, %u refused, %u workers",
                 counts[OUTCOME_ADDED], round_count_waiting(supervisor), counts[OUTCOME_REFUSED],
                 supervisor->worker_count);
    else
        round_summary(round, text);
    log_notice("%s", text);
    notify_ready(&supervisor->notify, text);
    control_tell_reload_ended(&supervisor->control, text, round_status(round));
}

static void round_finish(struct supervisor *supervisor)
{
    struct round *round = &supervisor->round;
    enum round_kind kind = round->kind;

    ev_timer_stop(supervisor->loop.ev, &round->limit);
    round->is_committing = false;
    if (kind == ROUND_TEST) {
        loop_stop(&supervisor->loop);
        return;
    }
    round_tell(supervisor);
    round->kind = ROUND_NONE;
    malloc_trim(0); /* trees and raw bundles have come and gone */
    if (round->is_wanted) {
        round->is_wanted = false;
        round_begin(supervisor, ROUND_RELOAD);
    }
}

static void round_on_limit(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    char text[ROUND_REASON];

    (void)ev;
    (void)events;
    snprintf(text, sizeof(text), "%u workers have not taken it over within %g s",
             generation_count_lagging(supervisor), ROUND_LIMIT);
    log_error("%s", text);
    control_tell_error(&supervisor->control, text);
    supervisor->round.is_overdue = true;
    round_finish(supervisor);
}

void round_keep_setting(struct supervisor *supervisor, const char *text)
{
    if (supervisor->round.kind != ROUND_RELOAD)
        return;
    supervisor->round.settings_kept++;
    control_tell_error(&supervisor->control, text);
}

/* ---- one tenant ---- */

void round_waits(struct record *record)
{
    record->is_refused = false;
    record->awaits_names = true;
    record_set_error(record, NULL);
}

void round_refused(struct supervisor *supervisor, struct record *record)
{
    record->is_refused = true;
    record->awaits_names = false;
    outcomes_tell(supervisor, OUTCOME_REFUSED, slice_of(record->name), record->error);
}

void round_adopted(struct supervisor *supervisor, struct record *record, enum adopted adopted)
{
    record->is_refused = record->awaits_names = false;
    record_set_error(record, NULL);
    if (adopted == ADOPTED_UNCHANGED)
        return;
    supervisor->round.effective = supervisor->round.number;
    outcomes_tell(supervisor, adopted == ADOPTED_NEW ? OUTCOME_ADDED : OUTCOME_CHANGED,
                  slice_of(record->name), NULL);
}

void round_accepted(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    enum contest contest = CONTEST_FREE;

    if (!adopt_changes_nothing(record, plan))
        contest = contest_judge(supervisor, record, plan);
    if (contest == CONTEST_LOST) {
        claims_release(&supervisor->registry.claims, &record->sockets, plan, &record->plan);
        round_refused(supervisor, record);
    } else if (contest == CONTEST_OPEN) {
        contest_enter(supervisor, record, plan);
    } else if (supervisor->round.kind == ROUND_TEST) {
        contest_reserve(supervisor, record, plan);
        record->is_refused = false;
        record_set_error(record, NULL);
        record->plan = *plan;
        *plan = (struct plan){0};
    } else {
        contest_reserve(supervisor, record, plan);
        round_adopted(supervisor, record, adopt_plan(supervisor, record, plan));
    }
}

static void round_todo(struct supervisor *supervisor, struct record *record)
{
    record->is_todo = true;
    again_forget(record);
    record_set_names_trouble(record, NULL);
    TAILQ_INSERT_TAIL(&supervisor->round.todo, record, todo);
}

static void round_submit(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    contest_reserve(supervisor, record, plan);
    examine_submit(supervisor, record, plan);
}

/* What was examined once need not be again, but for host names. */
static bool round_is_same(const struct supervisor *supervisor, const struct record *record,
                          struct plan *plan)
{
    plan->fingerprint =
        fingerprint_of(supervisor->secret, bundle_content(ipc_blob_bytes(plan->bundle)));
    return record_is_in_force(record) && !plan->has_names &&
           fingerprint_equal(record->plan.fingerprint, plan->fingerprint);
}

static void round_unchanged(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    record->is_refused = record->awaits_names = false;
    record_set_error(record, NULL);
    adopt_unchanged(supervisor, record, plan);
}

static void round_prepare(struct supervisor *supervisor, struct record *record)
{
    const struct plan_source source = {
        .settings = supervisor->settings,
        .name = slice_of(record->name),
        .file = record->file,
        .known = record->plan.has_names ? record->plan.bundle : NULL,
        .dump = supervisor->dump,
    };
    struct diag_list diags;
    struct plan plan;
    bool is_good;

    examine_forget(supervisor, record); /* what is tried again outside of rounds */
    record->order = ++supervisor->round.order;
    diag_list_init(&diags);
    is_good = plan_read(&plan, &source, &diags) == 0;
    report_diags(supervisor, record, &diags);
    if (is_good && round_is_same(supervisor, record, &plan))
        round_unchanged(supervisor, record, &plan);
    else if (is_good)
        round_submit(supervisor, record, &plan);
    else
        round_refused(supervisor, record);
    diag_list_free(&diags);
}

void round_try_again(struct supervisor *supervisor, struct record *record)
{
    round_prepare(supervisor, record);
}

/* ---- going on ---- */

/* Who waits for what another tenant has had gets it now, if that has given it up. */
static void round_settle(struct supervisor *supervisor)
{
    contest_settle(supervisor);
    if (supervisor->namespaces.is_contested)
        namespaces_refresh(&supervisor->namespaces, true);
}

static void round_step(struct supervisor *supervisor)
{
    struct round *round = &supervisor->round;
    struct record *record;

    if (round->kind == ROUND_NONE || supervisor->state != SUPERVISOR_RUNNING)
        return;
    while ((record = TAILQ_FIRST(&round->todo)) && examine_has_room(supervisor)) {
        TAILQ_REMOVE(&round->todo, record, todo);
        record->is_todo = false;
        round_prepare(supervisor, record);
    }
    if (record || supervisor->examiner.count > 0)
        return;
    if (!round->is_committing)
        round_settle(supervisor);
    if (workers_are_settled(supervisor) && sockets_are_settled(&supervisor->sockets) &&
        generation_is_settled(supervisor) && logging_is_settled(supervisor)) {
        round_finish(supervisor);
    } else if (!round->is_committing) {
        round->is_committing = true;
        ev_timer_set(&round->limit, ROUND_LIMIT, 0.);
        ev_timer_start(supervisor->loop.ev, &round->limit);
    }
}

static void round_on_step(struct loop_task *task)
{
    round_step(CONTAINER_OF(task, struct supervisor, round.step));
}

void round_advance(struct supervisor *supervisor)
{
    if (supervisor->round.kind != ROUND_NONE)
        loop_defer(&supervisor->loop, &supervisor->round.step);
}

/* ---- the beginning ---- */

static bool round_must_examine(const struct supervisor *supervisor, const struct record *record,
                               bool all)
{
    return all || !record_is_in_force(record) || record->is_refused || record->plan.has_names ||
           !dependencies_unchanged(&record->plan.dependencies, &config_files) ||
           supervisor->round.kind != ROUND_RELOAD;
}

/* A file without a tenant of its own: it counts as refused. */
static void round_refuse_file(struct supervisor *supervisor, const struct tenant_file *file,
                              const char *why, const char *which)
{
    char reason[ROUND_REASON];

    snprintf(reason, sizeof(reason), "%s%s", why, which);
    report_text(supervisor, NULL, DIAG_ERROR, "%s: tenant \"%.*s\" is refused: %s", file->path,
                SLICE_PRINTF(file->name), reason);
    outcomes_tell(supervisor, OUTCOME_REFUSED, file->name, reason);
}

static void round_see_file(struct supervisor *supervisor, const struct tenant_file *file, bool all)
{
    struct record *record = registry_find(&supervisor->registry, file->name);
    bool has_moved;

    if (!config_tenant_name_is_valid(file->name)) {
        round_refuse_file(supervisor, file, "names are [A-Za-z0-9._-]{1,64}", "");
        return;
    }
    if (record && record->round == supervisor->round.number) {
        if (strcmp(record->file, file->path) == 0)
            return; /* two patterns name it */
        round_refuse_file(supervisor, file, "the same name comes from ", record->file);
        return;
    }
    if (!record)
        record = registry_add(&supervisor->registry, file->name, file->path, supervisor->tally);
    if (!record) {
        round_refuse_file(supervisor, file, "there are too many tenants", "");
        return;
    }
    has_moved = strcmp(record->file, file->path) != 0;
    record_set_file(record, file->path);
    record->round = supervisor->round.number;
    if (has_moved || round_must_examine(supervisor, record, all)) {
        round_todo(supervisor, record);
    } else {
        workers_assign(supervisor, record);
        workers_send(supervisor, record);
    }
}

static void round_remove_unseen(struct supervisor *supervisor)
{
    struct record *record;
    struct record *next;

    HASH_ITER (hh, supervisor->registry.records, record, next) {
        if (record->round == supervisor->round.number)
            continue;
        if (record_is_in_force(record))
            outcomes_tell(supervisor, OUTCOME_REMOVED, slice_of(record->name), NULL);
        adopt_removal(supervisor, record);
    }
}

/* all: every tenant is read anew, whatever its files' identities say. */
static void round_collect(struct supervisor *supervisor, const struct tenant_files *files, bool all)
{
    for (size_t i = 0; i < files->count; i++)
        round_see_file(supervisor, &files->items[i], all);
    round_remove_unseen(supervisor);
    round_advance(supervisor);
}

static void round_reset(struct supervisor *supervisor, enum round_kind kind)
{
    struct round *round = &supervisor->round;

    round->kind = kind;
    round->number++;
    round->outcomes = (struct outcomes){0};
    round->settings_kept = 0;
    round->is_overdue = false;
}

/* With the settings that are in force. */
static int round_begin_first(struct supervisor *supervisor, enum round_kind kind,
                             struct diag_list *diags)
{
    struct tenant_files files;
    int result =
        tenant_files_find(&files, supervisor->settings, supervisor->config, &config_files, diags);

    round_reset(supervisor, kind);
    report_start(supervisor, diags);
    if (result == 0)
        round_collect(supervisor, &files, true);
    else
        supervisor->round.kind = ROUND_NONE;
    tenant_files_free(&files);
    return result;
}

static void round_tell_refusal(struct supervisor *supervisor, const struct diag_list *diags,
                               const struct removal *removal)
{
    char text[NOTIFY_TEXT];

    if (removal->removed > 0)
        snprintf(text, sizeof(text),
                 "reload refused: it would remove %u of %u tenants, whose files are not there any "
                 "more; everything stays as it is. If that is meant: nsgate -s reload --force",
                 removal->removed, removal->total);
    else
        snprintf(text, sizeof(text), "reload refused: %u error%s in %s", diags->errors,
                 diags->errors == 1 ? "" : "s", supervisor->config);
    log_notice("%s", text);
    notify_ready(&supervisor->notify, text);
    control_tell_reload_refused(&supervisor->control, diags, text);
}

/* Fills *removal only when it is more than may be. */
static bool round_may_remove(struct supervisor *supervisor, const struct tenant_files *files,
                             struct removal *removal)
{
    struct removal all = removal_of(&supervisor->registry, files);

    if (supervisor->round.is_forced || !removal_is_too_much(&all))
        return true;
    *removal = all;
    return false;
}

static int round_begin_reload(struct supervisor *supervisor, struct diag_list *diags)
{
    struct settings *settings = settings_read(supervisor->config, &config_files, diags);
    struct tenant_files files = {0};
    struct removal removal = {0};
    int result = -1;

    notify_reloading(&supervisor->notify);
    if (settings)
        result = tenant_files_find(&files, settings, supervisor->config, &config_files, diags);
    report_diags(supervisor, NULL, diags);
    if (result == 0 && !round_may_remove(supervisor, &files, &removal))
        result = -1;
    if (result == 0) {
        bool all = !settings_same_tenancy(supervisor->settings, settings);

        round_reset(supervisor, ROUND_RELOAD);
        control_tell_reload_begun(&supervisor->control, diags);
        supervisor_set_settings(supervisor, settings);
        namespaces_on_reload(&supervisor->namespaces);
        round_collect(supervisor, &files, all);
    } else {
        round_tell_refusal(supervisor, diags, &removal);
        settings_free(settings);
    }
    supervisor->round.is_forced = false;
    if (settings)
        tenant_files_free(&files);
    return result;
}

/* Another binary is about to take over: it begins a round anyway. Who asked by the control socket
 * wants to know of this one. */
static bool round_must_wait(const struct supervisor *supervisor)
{
    return upgrade_is_due(&supervisor->upgrade) && control_is_quiet(&supervisor->control);
}

int round_begin(struct supervisor *supervisor, enum round_kind kind)
{
    struct diag_list diags;
    int result;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return 0;
    if (supervisor->round.kind != ROUND_NONE || round_must_wait(supervisor)) {
        supervisor->round.is_wanted = true;
        return 0;
    }
    diag_list_init(&diags);
    if (kind == ROUND_RELOAD)
        result = round_begin_reload(supervisor, &diags);
    else
        result = round_begin_first(supervisor, kind, &diags);
    diag_list_free(&diags);
    return result;
}

void round_init(struct supervisor *supervisor)
{
    TAILQ_INIT(&supervisor->round.todo);
    TAILQ_INIT(&supervisor->round.contenders);
    supervisor->round.step.run = round_on_step;
    ev_timer_init(&supervisor->round.limit, round_on_limit, 0., 0.);
    supervisor->round.limit.data = supervisor;
}

void round_abandon(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->round.limit);
    contest_abandon(supervisor);
    supervisor->round.is_wanted = false;
    supervisor->round.kind = ROUND_NONE;
}

void round_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->round.limit);
    contest_abandon(supervisor);
    loop_cancel(&supervisor->loop, &supervisor->round.step);
}
