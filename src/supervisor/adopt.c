/* SPDX-License-Identifier: MIT */
/* From an accepted plan to sockets and workers, touching only what differs. */
#include "adopt_internal.h"

#include "bindings_internal.h"
#include "claims_internal.h"
#include "contest_internal.h"
#include "sockets_internal.h"
#include "workers_internal.h"

#include "base/memory.h"
#include "tenant/bundle.h"

static bool adopt_same_netns(const struct plan *a, const struct plan *b)
{
    return a->netns.text && b->netns.text && strcmp(a->netns.text, b->netns.text) == 0;
}

/* The old plan's listener that may go on as the new one. */
static struct listener *adopt_find(struct plan *plan, const struct listener *like)
{
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        struct listener *listener = &plan->listeners[i];

        if (strcmp(listener->text, like->text) == 0 && listener->ipv6only == like->ipv6only)
            return listener;
    }
    return NULL;
}

/* Moves sockets from the plan in force to the one that follows it. */
static void adopt_sockets(struct record *record, struct plan *plan)
{
    if (!adopt_same_netns(&record->plan, plan))
        return;
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        struct listener *listener = &plan->listeners[i];
        struct listener *old = adopt_find(&record->plan, listener);

        if (!old)
            continue;
        listener->state = old->state;
        listener->fd = old->fd;
        listener->holders = old->holders;
        listener->lacking = old->lacking;
        listener->offered = old->offered;
        listener->lack = old->lack;
        listener->error = old->error;
        listener->is_here = old->is_here;
        listener->is_absent = old->is_absent;
        old->fd = -1;
        old->state = LISTENER_WAITING;
        /* listen(2) on a listening socket only sets its backlog anew. */
        if (listener->fd >= 0 && listener->backlog != old->backlog)
            (void)listen(listener->fd, listener->backlog);
    }
}

/* The plan's, in place of the one of the plan before it. */
static void adopt_netns(struct supervisor *supervisor, struct record *record)
{
    namespace_release(&record->netns);
    namespace_take(supervisor, &record->netns, &record->plan.netns);
}

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
    claims_release(&supervisor->registry, record, &record->plan, plan);
    adopt_sockets(record, plan);
    if (adopt_same_netns(&record->plan, plan))
        bindings_close(supervisor, record); /* what was not moved */
    else
        bindings_leave(supervisor, record);
}

enum adopted adopt_take(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    bool is_new = !record_is_in_force(record);
    bool stays = adopt_same_netns(&record->plan, plan);

    sockets_adopt(supervisor, record, plan);
    plan_free(&record->plan);
    record->plan = *plan;
    record->generation++;
    *plan = (struct plan){0};
    if (!stays)
        adopt_netns(supervisor, record);
    workers_assign(supervisor, record);
    workers_changed(supervisor, record);
    bindings_bind(supervisor, record);
    return is_new ? ADOPTED_NEW : ADOPTED_CHANGED;
}

void adopt_refusal(struct supervisor *supervisor, struct record *record, const char *why)
{
    const struct plan *kept = record->examination ? &record->examination->plan
                              : record->contender ? &record->contender->plan
                                                  : NULL;

    report_text(supervisor, record, DIAG_ERROR, "%s: %s", record->file, why);
    again_later(supervisor, record, AGAIN_DEATH, &record->plan.dependencies);
    bindings_leave(supervisor, record);
    workers_withdraw(supervisor, record);
    workers_forget(supervisor, record);
    claims_release(&supervisor->registry, record, &record->plan, kept);
    namespace_release(&record->netns);
    sockets_leave(supervisor, record);
    plan_free(&record->plan);
    record->deaths = 0;
    round_refused(supervisor, record);
}

void adopt_removal(struct supervisor *supervisor, struct record *record)
{
    examine_forget(supervisor, record);
    bindings_leave(supervisor, record);
    workers_withdraw(supervisor, record);
    workers_forget(supervisor, record);
    claims_release(&supervisor->registry, record, &record->plan, NULL);
    sockets_leave(supervisor, record);
    registry_remove(&supervisor->registry, record);
}
