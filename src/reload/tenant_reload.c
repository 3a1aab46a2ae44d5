/* SPDX-License-Identifier: MIT */
/* The way of one tenant's file: read, examined, accepted, put in force. */
#include "tenant_reload_internal.h"

#include "apply_internal.h"
#include "conflicts_internal.h"

#include "files/plan_read.h"
#include "reload/report.h"
#include "tenant/bundle.h"

#include <time.h>

/* ---- a plan that is accepted ---- */

/* -t: it is only kept, for others to conflict with. */
static void tenant_keep(struct record *record, struct plan *plan)
{
    record->is_refused = false;
    record_set_error(record, NULL);
    record->plan = *plan;
    *plan = (struct plan){0};
}

/* Takes over the plan's parts; the caller frees the rest. */
static void tenant_accept(struct reload *reload, struct record *record, struct plan *plan)
{
    enum conflict conflict = CONFLICT_NONE;

    if (!apply_changes_nothing(record, plan))
        conflict = conflicts_judge(reload, record, plan);
    if (conflict == CONFLICT_LOST) {
        claims_release(&reload->registry->claims, &record->sockets, plan, &record->plan);
        outcomes_refused(reload, record);
    } else if (conflict == CONFLICT_OPEN) {
        conflicts_enter(reload, record, plan);
    } else {
        conflicts_reserve(reload, record, plan);
        if (reload->kind == RELOAD_TEST)
            tenant_keep(record, plan);
        else
            outcomes_applied(reload, record, apply_plan(reload, record, plan));
    }
}

void tenant_reload_settle(struct reload *reload)
{
    struct contender *contender;
    struct record *loser;

    while ((loser = conflicts_refuse_loser(reload)))
        outcomes_refused(reload, loser);
    TAILQ_FOREACH (contender, &reload->contenders, next)
        apply_release(reload, contender->record, &contender->plan);
    TAILQ_FOREACH (contender, &reload->contenders, next)
        conflicts_reserve(reload, contender->record, &contender->plan);
    while ((contender = TAILQ_FIRST(&reload->contenders))) {
        outcomes_applied(reload, contender->record,
                         apply_take(reload, contender->record, &contender->plan));
        conflicts_remove(reload, contender);
    }
}

/* ---- what the resolver says ---- */

/* Whether it has certificates and every one is valid now: it may have been examined long ago. */
static bool bundle_is_valid_now(const struct ipc_blob *blob)
{
    int64_t now = (int64_t)time(NULL);
    struct arena arena;
    struct bundle bundle;
    bool valid;

    arena_init(&arena, 4096);
    valid = bundle_decode(&bundle, &arena, ipc_blob_bytes(blob)) == 0 && bundle.identity_count > 0;
    for (uint32_t i = 0; valid && i < bundle.identity_count; i++) {
        const struct tls_der *der = &bundle.identities[i].der;

        valid = der->not_before <= now && now <= der->not_after;
    }
    arena_free(&arena);
    return valid;
}

/* A certificate that is expired or not yet valid never takes the place of a valid one. */
static bool tenant_may_change(const struct reload *reload, struct record *record)
{
    if (!record_is_in_force(record) || !bundle_is_valid_now(record->plan.bundle))
        return true;
    report_text(reload, record, DIAG_ERROR,
                "%s: the certificate is not valid at this time, the valid one before it stays",
                record->file);
    return false;
}

/* Names that still have no address are not told of each time that they are asked for. */
static void tenant_report(const struct reload *reload, struct record *record,
                          const struct examined *examined)
{
    bool had_trouble = record->names_trouble;

    if (examined->is_unresolved && report_names(record, &examined->diags))
        return;
    report_diags(reload, record, &examined->diags);
    if (examined->is_unresolved)
        return;
    record_set_names_trouble(record, NULL);
    retry_end(record);
    if (had_trouble && examined->diags.errors == 0)
        log_notice("tenant %s: its host names have addresses again", record->name);
}

/* Of a plan without a usable bundle. Host names without addresses: what is in force stays, and the
 * same files are tried again. */
static void tenant_decline(struct reload *reload, struct record *record, struct plan *plan,
                           bool is_unresolved)
{
    claims_release(&reload->registry->claims, &record->sockets, plan, &record->plan);
    if (is_unresolved && reload->kind != RELOAD_TEST) {
        retry_later(&reload->retries, record, RETRY_NAMES, &plan->dependencies);
        outcomes_waits(record);
    } else {
        outcomes_refused(reload, record);
    }
}

static void tenant_on_examined(void *owner, struct record *record, struct plan *plan,
                               struct examined *examined)
{
    struct reload *reload = owner;
    bool is_unresolved = examined->is_unresolved;
    bool is_usable;

    tenant_report(reload, record, examined);
    is_usable = examined->bundle && (!examined->is_outdated || tenant_may_change(reload, record));
    if (is_usable) {
        ipc_blob_unref(plan->bundle);
        plan->bundle = examined->bundle;
        tenant_accept(reload, record, plan);
        if (is_unresolved)
            retry_later(&reload->retries, record, RETRY_NAMES, NULL);
    } else {
        ipc_blob_unref(examined->bundle);
        tenant_decline(reload, record, plan, is_unresolved);
    }
    reload_advance(reload);
}

static void tenant_on_deadly(void *owner, struct record *record, struct plan *plan)
{
    struct reload *reload = owner;

    report_text(reload, record, DIAG_ERROR, "%s: the resolver died over it twice", record->file);
    retry_later(&reload->retries, record, RETRY_DEATH, &plan->dependencies);
    tenant_decline(reload, record, plan, false);
}

/* ---- reading ---- */

/* What was examined once need not be again, but for host names. */
static bool tenant_is_same(const struct reload *reload, const struct record *record,
                           struct plan *plan)
{
    plan->fingerprint =
        fingerprint_of(reload->secret, bundle_content(ipc_blob_bytes(plan->bundle)));
    return record_is_in_force(record) && !plan->has_names &&
           fingerprint_equal(record->plan.fingerprint, plan->fingerprint);
}

/* Its plan is a good one, as far as it is known without the resolver. */
static void tenant_submit(struct reload *reload, struct record *record, struct plan *plan)
{
    if (tenant_is_same(reload, record, plan)) {
        outcomes_applied(reload, record, APPLIED_UNCHANGED);
        apply_unchanged(reload, record, plan);
    } else {
        conflicts_reserve(reload, record, plan);
        examiner_submit(&reload->examiner, record, plan);
    }
}

void tenant_reload_begin(struct reload *reload, struct record *record)
{
    const struct plan_source source = {
        .settings = reload->inputs.settings,
        .name = slice_of(record->name),
        .file = record->file,
        .known = record->plan.has_names ? record->plan.bundle : NULL,
        .dump = reload->inputs.dump,
        .opener = reload->kind == RELOAD_TEST ? reload->inputs.program : NULL,
    };
    struct diag_list diags;
    struct plan plan;
    bool is_good;

    examiner_forget(&reload->examiner, record); /* what is tried again outside of reloads */
    record->order = ++reload->order;
    diag_list_init(&diags);
    is_good = plan_read(&plan, &source, &diags) == 0;
    report_diags(reload, record, &diags);
    if (is_good)
        tenant_submit(reload, record, &plan);
    else
        outcomes_refused(reload, record);
    diag_list_free(&diags);
}

/* ---- tables ---- */

static bool tenant_may_retry(void *owner)
{
    const struct reload *reload = owner;

    return reload->kind == RELOAD_NONE && reload->events->may_retry(reload->owner);
}

static void tenant_retry(void *owner, struct record *record)
{
    tenant_reload_begin(owner, record);
}

const struct retry_events tenant_reload_retry = {.may_try = tenant_may_retry, .try = tenant_retry};

const struct examiner_events tenant_reload_examiner = {.on_examined = tenant_on_examined,
                                                       .on_deadly = tenant_on_deadly};
