/* SPDX-License-Identifier: MIT */
/* From an accepted plan to sockets and workers, touching only what differs. */
#include "adopt_internal.h"

#include "contest_internal.h"
#include "workers_internal.h"

#include "base/memory.h"
#include "tenant/bundle.h"

bool adopt_changes_nothing(const struct record *record, const struct plan *plan)
{
    return record_is_in_force(record) &&
           slice_equal(bundle_content(ipc_blob_bytes(record->plan.bundle)),
                       bundle_content(ipc_blob_bytes(plan->bundle)));
}

/* The examined bundle in force with the places of another one of equal trees: workers do without,
 * but who gets it later tells of the right lines. */
static void adopt_places(struct plan *plan, struct slice places)
{
    struct slice content = bundle_content(ipc_blob_bytes(plan->bundle));
    size_t size = content.len + places.len;
    char *bytes;

    if (slice_equal(bundle_places(ipc_blob_bytes(plan->bundle)), places))
        return;
    bytes = memory_alloc(size);
    memcpy(bytes, content.data, content.len);
    memcpy(bytes + content.len, places.data, places.len);
    ipc_blob_unref(plan->bundle);
    plan->bundle = ipc_blob_new((struct slice){bytes, size});
    memory_wipe_free(bytes, size);
}

void adopt_unchanged(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    adopt_places(&record->plan, bundle_places(ipc_blob_bytes(plan->bundle)));
    dependencies_free(&record->plan.dependencies);
    record->plan.dependencies = plan->dependencies;
    record->plan.fingerprint = plan->fingerprint;
    plan->dependencies = (struct dependencies){0};
    plan_free(plan);
    workers_assign(supervisor, record); /* workers_per_tenant may be another */
    workers_send(supervisor, record);
}

enum adopted adopt_plan(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    if (adopt_changes_nothing(record, plan)) {
        adopt_unchanged(supervisor, record, plan);
        return ADOPTED_UNCHANGED;
    }
    adopt_release(supervisor, record, plan);
    return adopt_take(supervisor, record, plan);
}

void adopt_release(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    claims_release(&supervisor->registry.claims, &record->sockets, &record->plan, plan);
    sockets_release(&supervisor->sockets, &record->sockets, plan);
}

enum adopted adopt_take(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    bool is_new = !record_is_in_force(record);
    struct plan before = record->plan;

    record->plan = *plan;
    record->generation++;
    *plan = (struct plan){0};
    sockets_adopt(&supervisor->sockets, &record->sockets, &before);
    plan_free(&before);
    workers_assign(supervisor, record);
    workers_changed(supervisor, record);
    sockets_bind(&supervisor->sockets, &record->sockets);
    return is_new ? ADOPTED_NEW : ADOPTED_CHANGED;
}

void adopt_refusal(struct supervisor *supervisor, struct record *record, const char *why)
{
    const struct plan *kept = record->examination ? &record->examination->plan
                              : record->contender ? &record->contender->plan
                                                  : NULL;

    report_text(supervisor, record, DIAG_ERROR, "%s: %s", record->file, why);
    again_later(supervisor, record, AGAIN_DEATH, &record->plan.dependencies);
    sockets_leave(&supervisor->sockets, &record->sockets);
    workers_withdraw(supervisor, record);
    workers_forget(supervisor, record);
    claims_release(&supervisor->registry.claims, &record->sockets, &record->plan, kept);
    sockets_leave_servers(&record->sockets);
    record_clear_plan(record);
    record->deaths = 0;
    round_refused(supervisor, record);
}

void adopt_removal(struct supervisor *supervisor, struct record *record)
{
    examine_forget(supervisor, record);
    sockets_leave(&supervisor->sockets, &record->sockets);
    workers_withdraw(supervisor, record);
    workers_forget(supervisor, record);
    claims_release(&supervisor->registry.claims, &record->sockets, &record->plan, NULL);
    sockets_leave_servers(&record->sockets);
    registry_remove(&supervisor->registry, record);
}
