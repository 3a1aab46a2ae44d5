/* SPDX-License-Identifier: MIT */
/* From an accepted plan to sockets and workers, touching only what differs. */
#include "apply_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "tenant/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool apply_changes_nothing(const struct record *record, const struct plan *plan)
{
    return record_is_in_force(record) &&
           slice_equal(bundle_content(ipc_blob_bytes(record->plan.bundle)),
                       bundle_content(ipc_blob_bytes(plan->bundle)));
}

/* The examined bundle in force with the places of another one of equal trees: workers do without,
 * but who gets it later tells of the right lines. */
static void apply_places(struct plan *plan, struct slice places)
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

void apply_unchanged(struct reload *reload, struct record *record, struct plan *plan)
{
    apply_places(&record->plan, bundle_places(ipc_blob_bytes(plan->bundle)));
    dependencies_free(&record->plan.dependencies);
    record->plan.dependencies = plan->dependencies;
    record->plan.fingerprint = plan->fingerprint;
    plan->dependencies = (struct dependencies){0};
    plan_free(plan);
    reload->events->on_kept(reload->owner, record);
}

enum applied apply_plan(struct reload *reload, struct record *record, struct plan *plan)
{
    if (apply_changes_nothing(record, plan)) {
        apply_unchanged(reload, record, plan);
        return APPLIED_UNCHANGED;
    }
    apply_release(reload, record, plan);
    return apply_take(reload, record, plan);
}

void apply_release(struct reload *reload, struct record *record, const struct plan *plan)
{
    claims_release(&reload->registry->claims, &record->sockets, &record->plan, plan);
    sockets_release(reload->sockets, &record->sockets, plan);
}

/* Without memory its limits hold nobody back, and the tenant serves. */
static void apply_cells(struct record *record)
{
    const struct plan *plan = &record->plan;
    struct cells_want *wants = memory_zeroed(plan->cells_count, sizeof(*wants));

    for (uint32_t i = 0; i < plan->cells_count; i++)
        wants[i] = (struct cells_want){plan->cells[i].kind, slice_of(plan->cells[i].name),
                                       plan->cells[i].size};
    if (cells_fit(&record->cells, wants, plan->cells_count, record_random) < 0)
        log_error("tenant %s: no memory for its limits, they do not hold: %s", record->name,
                  strerror(errno));
    free(wants);
}

enum applied apply_take(struct reload *reload, struct record *record, struct plan *plan)
{
    bool is_new = !record_is_in_force(record);
    struct plan before = record->plan;

    record->plan = *plan;
    record->version++;
    apply_cells(record);
    *plan = (struct plan){0};
    sockets_adopt(reload->sockets, &record->sockets, &before);
    plan_free(&before);
    reload->events->on_changed(reload->owner, record);
    sockets_bind(reload->sockets, &record->sockets);
    return is_new ? APPLIED_NEW : APPLIED_CHANGED;
}

/* What is in force of it is closed and left. */
static void apply_leave(struct reload *reload, struct record *record, const struct plan *kept)
{
    sockets_leave(reload->sockets, &record->sockets);
    reload->events->on_gone(reload->owner, record);
    claims_release(&reload->registry->claims, &record->sockets, &record->plan, kept);
    sockets_leave_servers(&record->sockets);
}

void apply_withdrawal(struct reload *reload, struct record *record, const struct plan *kept)
{
    apply_leave(reload, record, kept);
    record_clear_plan(record);
    record->assignment.deaths = 0;
}

void apply_removal(struct reload *reload, struct record *record)
{
    examiner_forget(&reload->examiner, record);
    apply_leave(reload, record, NULL);
    reload->events->on_removed(reload->owner, record);
    registry_remove(reload->registry, record);
}
