/* SPDX-License-Identifier: MIT */
/* Who wants what another tenant has: waiting, settling, refusing. */
#include "conflicts_internal.h"

#include "base/memory.h"
#include "reload/report.h"

#include <stdlib.h>

/* ---- addresses ---- */

static bool conflict_covers(const struct plan_listener *wide, const struct plan_listener *other)
{
    bool same_family = wide->address.any.sa_family == other->address.any.sa_family;

    return address_is_wildcard(&wide->address) &&
           (same_family || (wide->address.any.sa_family == AF_INET6 && !wide->ipv6only));
}

/* Whether both cannot be listened on in one namespace. */
static bool conflict_overlap(const struct plan_listener *a, const struct plan_listener *b)
{
    if (address_port(&a->address) != address_port(&b->address))
        return false;
    return strcmp(a->text, b->text) == 0 || conflict_covers(a, b) || conflict_covers(b, a);
}

static bool conflict_plan_overlaps(const struct plan *plan, const struct plan_listener *wanted)
{
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        if (conflict_overlap(&plan->listeners[i], wanted))
            return true;
    }
    return false;
}

/* ---- who has what it wants ---- */

/* Whether it listens there already. */
static bool conflict_has(const struct record *record, const struct plan *plan,
                         const struct plan_listener *wanted)
{
    return plan_same_netns(&record->plan, plan) && plan_find_listener(&record->plan, wanted->text);
}

/* Whether the other tenant stands in the way of something that the plan takes. */
static bool conflict_stands_in_the_way(const struct record *other, const struct record *record,
                                       const struct plan *plan, bool is_shared)
{
    if (other == record || !record_is_in_force(other))
        return false;
    if (!is_shared)
        return record->sockets.resident.residence != other->sockets.resident.residence;
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        if (!conflict_has(record, plan, &plan->listeners[i]) &&
            conflict_plan_overlaps(&other->plan, &plan->listeners[i]))
            return true;
    }
    return false;
}

/* It has not been decided yet, or waits itself. */
static bool conflict_may_release(const struct reload *reload, const struct record *record)
{
    if (reload->kind == RELOAD_NONE)
        return false; /* one that is tried again, for itself */
    return record->is_todo || record->examination || record->contender;
}

/* Where the plan's listeners will be; zero: nowhere yet, or that is not known. */
static struct netns_id conflict_place(const struct reload *reload, const struct plan *plan)
{
    const struct namespace *namespace =
        namespace_find(reload->namespaces, slice_of(plan->netns.text));
    struct netns_id id = {0};

    if (namespace)
        return namespace->seen;
    if (plan->netns.path && netns_look(plan->netns.path, &id) < 0)
        id = (struct netns_id){0};
    return id;
}

static bool conflict_is_open_inside(const struct reload *reload, const struct record *record,
                                    const struct plan *plan)
{
    const struct residence *residence =
        residents_find(&reload->registry->residents, conflict_place(reload, plan));
    const struct resident *resident;

    if (!residence)
        return false;
    LIST_FOREACH (resident, &residence->residents, next) {
        const struct record *other = record_of_resident(resident);

        if (conflict_may_release(reload, other) &&
            conflict_stands_in_the_way(other, record, plan,
                                       reload->inputs.settings->model.netns_shared))
            return true;
    }
    return false;
}

/* Claims know equal addresses; one may also lie in another's wildcard. */
static bool conflict_is_open_on_the_host(const struct reload *reload, const struct record *record,
                                         const struct plan *plan)
{
    if (reload->kind != RELOAD_ASKED)
        return false; /* nobody had anything before */
    REGISTRY_FOREACH (other, reload->registry) {
        if (other->plan.netns.kind == NETNS_HOST && conflict_may_release(reload, other) &&
            conflict_stands_in_the_way(other, record, plan, true))
            return true;
    }
    return false;
}

/* ---- judging ---- */

static struct record *conflict_owner(const struct reload *reload, struct slice address)
{
    struct tenant_sockets *owner = claims_owner(&reload->registry->claims, address);

    return owner ? record_of_sockets(owner) : NULL;
}

static void conflict_tell(const struct reload *reload, struct record *record,
                          const struct plan_listener *wanted, const struct record *owner)
{
    report_text(reload, record, DIAG_ERROR,
                "%s: tenant \"%s\" cannot listen on %s: tenant \"%s\" has that address in the "
                "host's namespace",
                wanted->where, record->name, wanted->text, owner->name);
}

enum conflict conflicts_judge(struct reload *reload, struct record *record, const struct plan *plan)
{
    enum conflict result = CONFLICT_NONE;

    if (plan->netns.kind != NETNS_HOST)
        return conflict_is_open_inside(reload, record, plan) ? CONFLICT_OPEN : CONFLICT_NONE;
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        struct slice text = slice_of(plan->listeners[i].text);
        const struct record *owner = conflict_owner(reload, text);

        if (!owner || owner == record)
            continue;
        result = CONFLICT_OPEN;
        if (!conflict_may_release(reload, owner)) {
            conflict_tell(reload, record, &plan->listeners[i], owner);
            return CONFLICT_LOST;
        }
    }
    if (result == CONFLICT_NONE && conflict_is_open_on_the_host(reload, record, plan))
        result = CONFLICT_OPEN;
    return result;
}

void conflicts_reserve(struct reload *reload, struct record *record, const struct plan *plan)
{
    for (uint32_t i = 0; plan->netns.kind == NETNS_HOST && i < plan->listener_count; i++)
        claims_take(&reload->registry->claims, slice_of(plan->listeners[i].text), &record->sockets);
}

/* In the order of their files, in which the first has it. */
void conflicts_enter(struct reload *reload, struct record *record, struct plan *plan)
{
    struct contenders *contenders = &reload->contenders;
    struct contender *contender = memory_zeroed(1, sizeof(*contender));
    struct contender *behind;

    contender->record = record;
    contender->plan = *plan;
    *plan = (struct plan){0};
    record->contender = contender;
    TAILQ_FOREACH (behind, contenders, next) {
        if (behind->record->order > record->order)
            break;
    }
    if (behind)
        TAILQ_INSERT_BEFORE(behind, contender, next);
    else
        TAILQ_INSERT_TAIL(contenders, contender, next);
}

/* ---- settling ---- */

void conflicts_remove(struct reload *reload, struct contender *contender)
{
    TAILQ_REMOVE(&reload->contenders, contender, next);
    contender->record->contender = NULL;
    plan_free(&contender->plan);
    free(contender);
}

/* It keeps what it has, and claims no more. */
static void conflicts_give_up(struct reload *reload, struct contender *contender)
{
    claims_release(&reload->registry->claims, &contender->record->sockets, &contender->plan,
                   &contender->record->plan);
    conflicts_remove(reload, contender);
}

static bool conflict_wants_on_the_host(const struct contender *contender, const char *text)
{
    return contender->plan.netns.kind == NETNS_HOST && plan_find_listener(&contender->plan, text);
}

/* Who keeps an address of the host's that the contender wants: its owner, or a contender before it
 * that gets it; NULL: nobody. */
static const struct record *conflict_keeper(const struct reload *reload,
                                            const struct contender *contender, const char *text)
{
    const struct record *owner = conflict_owner(reload, slice_of(text));
    const struct contender *before;

    if (owner == contender->record)
        return NULL;
    if (owner && (!owner->contender || conflict_wants_on_the_host(owner->contender, text)))
        return owner;
    TAILQ_FOREACH (before, &reload->contenders, next) {
        if (before == contender)
            break;
        if (conflict_wants_on_the_host(before, text))
            return before->record;
    }
    return NULL;
}

static bool conflict_has_lost(const struct reload *reload, const struct contender *contender)
{
    const struct plan *plan = &contender->plan;

    for (uint32_t i = 0; plan->netns.kind == NETNS_HOST && i < plan->listener_count; i++) {
        const struct record *keeper = conflict_keeper(reload, contender, plan->listeners[i].text);

        if (keeper) {
            conflict_tell(reload, contender->record, &plan->listeners[i], keeper);
            return true;
        }
    }
    return false;
}

struct record *conflicts_refuse_loser(struct reload *reload)
{
    struct contender *contender;

    TAILQ_FOREACH (contender, &reload->contenders, next) {
        struct record *record = contender->record;

        if (!conflict_has_lost(reload, contender))
            continue;
        conflicts_give_up(reload, contender);
        return record;
    }
    return NULL;
}

void conflicts_abandon(struct reload *reload)
{
    struct contender *contender;

    while ((contender = TAILQ_FIRST(&reload->contenders)))
        conflicts_give_up(reload, contender);
}
