/* SPDX-License-Identifier: MIT */
/* Who wants what another tenant has: waiting, settling, refusing. */
#include "contest_internal.h"

#include "adopt_internal.h"
#include "supervisor_internal.h"

#include "base/memory.h"

#include <stdlib.h>

/* ---- addresses ---- */

static bool contest_covers(const struct plan_listener *wide, const struct plan_listener *other)
{
    bool same_family = wide->address.any.sa_family == other->address.any.sa_family;

    return address_is_wildcard(&wide->address) &&
           (same_family || (wide->address.any.sa_family == AF_INET6 && !wide->ipv6only));
}

/* Whether both cannot be listened on in one namespace. */
static bool contest_overlap(const struct plan_listener *a, const struct plan_listener *b)
{
    if (address_port(&a->address) != address_port(&b->address))
        return false;
    return strcmp(a->text, b->text) == 0 || contest_covers(a, b) || contest_covers(b, a);
}

static bool contest_plan_overlaps(const struct plan *plan, const struct plan_listener *wanted)
{
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        if (contest_overlap(&plan->listeners[i], wanted))
            return true;
    }
    return false;
}

/* ---- who has what it wants ---- */

/* Whether it listens there already. */
static bool contest_has(const struct record *record, const struct plan *plan,
                        const struct plan_listener *wanted)
{
    return plan_same_netns(&record->plan, plan) && plan_find_listener(&record->plan, wanted->text);
}

/* Whether the other tenant stands in the way of something that the plan takes. */
static bool contest_stands_in_the_way(const struct record *other, const struct record *record,
                                      const struct plan *plan, bool is_shared)
{
    if (other == record || !record_is_in_force(other))
        return false;
    if (!is_shared)
        return record->sockets.resident.residence != other->sockets.resident.residence;
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        if (!contest_has(record, plan, &plan->listeners[i]) &&
            contest_plan_overlaps(&other->plan, &plan->listeners[i]))
            return true;
    }
    return false;
}

/* It has not been decided yet, or waits itself. */
static bool contest_may_release(const struct supervisor *supervisor, const struct record *record)
{
    if (supervisor->round.kind == ROUND_NONE)
        return false; /* one that is tried again, for itself */
    return record->is_todo || record->examination || record->contender;
}

/* Where the plan's listeners will be; zero: nowhere yet, or that is not known. */
static struct netns_id contest_place(const struct supervisor *supervisor, const struct plan *plan)
{
    const struct namespace *namespace =
        namespace_find(&supervisor->namespaces, slice_of(plan->netns.text));
    struct netns_id id = {0};

    if (namespace)
        return namespace->seen;
    if (plan->netns.path && netns_look(plan->netns.path, &id) < 0)
        id = (struct netns_id){0};
    return id;
}

static bool contest_is_open_inside(const struct supervisor *supervisor, const struct record *record,
                                   const struct plan *plan)
{
    const struct residence *residence =
        residents_find(&supervisor->registry.residents, contest_place(supervisor, plan));
    const struct resident *resident;

    if (!residence)
        return false;
    LIST_FOREACH (resident, &residence->residents, next) {
        const struct record *other = record_of_resident(resident);

        if (contest_may_release(supervisor, other) &&
            contest_stands_in_the_way(other, record, plan,
                                      supervisor->settings->model.netns_shared))
            return true;
    }
    return false;
}

/* Claims know equal addresses; one may also lie in another's wildcard. */
static bool contest_is_open_on_the_host(const struct supervisor *supervisor,
                                        const struct record *record, const struct plan *plan)
{
    const struct record *other;

    if (supervisor->round.kind != ROUND_RELOAD)
        return false; /* nobody had anything before */
    for (other = supervisor->registry.records; other; other = other->hh.next) {
        if (other->plan.netns.kind == NETNS_HOST && contest_may_release(supervisor, other) &&
            contest_stands_in_the_way(other, record, plan, true))
            return true;
    }
    return false;
}

/* ---- judging ---- */

static struct record *contest_owner(const struct supervisor *supervisor, struct slice address)
{
    struct tenant_sockets *owner = claims_owner(&supervisor->registry.claims, address);

    return owner ? record_of_sockets(owner) : NULL;
}

static void contest_tell(const struct supervisor *supervisor, struct record *record,
                         const struct plan_listener *wanted, const struct record *owner)
{
    report_text(supervisor, record, DIAG_ERROR,
                "%s: tenant \"%s\" cannot listen on %s: tenant \"%s\" has that address in the "
                "host's namespace",
                wanted->where, record->name, wanted->text, owner->name);
}

enum contest contest_judge(struct supervisor *supervisor, struct record *record,
                           const struct plan *plan)
{
    enum contest result = CONTEST_FREE;

    if (plan->netns.kind != NETNS_HOST)
        return contest_is_open_inside(supervisor, record, plan) ? CONTEST_OPEN : CONTEST_FREE;
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        struct slice text = slice_of(plan->listeners[i].text);
        const struct record *owner = contest_owner(supervisor, text);

        if (!owner || owner == record)
            continue;
        result = CONTEST_OPEN;
        if (!contest_may_release(supervisor, owner)) {
            contest_tell(supervisor, record, &plan->listeners[i], owner);
            return CONTEST_LOST;
        }
    }
    if (result == CONTEST_FREE && contest_is_open_on_the_host(supervisor, record, plan))
        result = CONTEST_OPEN;
    return result;
}

void contest_reserve(struct supervisor *supervisor, struct record *record, const struct plan *plan)
{
    for (uint32_t i = 0; plan->netns.kind == NETNS_HOST && i < plan->listener_count; i++)
        claims_take(&supervisor->registry.claims, slice_of(plan->listeners[i].text),
                    &record->sockets);
}

/* In the order of their files, in which the first has it. */
void contest_enter(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    struct contenders *contenders = &supervisor->round.contenders;
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

static void contest_remove(struct supervisor *supervisor, struct contender *contender)
{
    TAILQ_REMOVE(&supervisor->round.contenders, contender, next);
    contender->record->contender = NULL;
    plan_free(&contender->plan);
    free(contender);
}

static bool contest_wants_on_the_host(const struct contender *contender, const char *text)
{
    return contender->plan.netns.kind == NETNS_HOST && plan_find_listener(&contender->plan, text);
}

/* Who keeps an address of the host's that the contender wants: its owner, or a contender before it
 * that gets it; NULL: nobody. */
static const struct record *contest_keeper(const struct supervisor *supervisor,
                                           const struct contender *contender, const char *text)
{
    const struct record *owner = contest_owner(supervisor, slice_of(text));
    const struct contender *before;

    if (owner == contender->record)
        return NULL;
    if (owner && (!owner->contender || contest_wants_on_the_host(owner->contender, text)))
        return owner;
    TAILQ_FOREACH (before, &supervisor->round.contenders, next) {
        if (before == contender)
            break;
        if (contest_wants_on_the_host(before, text))
            return before->record;
    }
    return NULL;
}

static bool contest_has_lost(const struct supervisor *supervisor, const struct contender *contender)
{
    const struct plan *plan = &contender->plan;

    for (uint32_t i = 0; plan->netns.kind == NETNS_HOST && i < plan->listener_count; i++) {
        const struct record *keeper =
            contest_keeper(supervisor, contender, plan->listeners[i].text);

        if (keeper) {
            contest_tell(supervisor, contender->record, &plan->listeners[i], keeper);
            return true;
        }
    }
    return false;
}

/* Who is refused keeps what it has, which may refuse the next. */
static void contest_refuse_losers(struct supervisor *supervisor)
{
    struct contender *contender = TAILQ_FIRST(&supervisor->round.contenders);

    while (contender) {
        struct record *record = contender->record;

        if (!contest_has_lost(supervisor, contender)) {
            contender = TAILQ_NEXT(contender, next);
            continue;
        }
        claims_release(&supervisor->registry.claims, &record->sockets, &contender->plan,
                       &record->plan);
        contest_remove(supervisor, contender);
        round_refused(supervisor, record);
        contender = TAILQ_FIRST(&supervisor->round.contenders);
    }
}

void contest_settle(struct supervisor *supervisor)
{
    struct contenders *contenders = &supervisor->round.contenders;
    struct contender *contender;

    contest_refuse_losers(supervisor);
    TAILQ_FOREACH (contender, contenders, next)
        adopt_release(supervisor, contender->record, &contender->plan);
    TAILQ_FOREACH (contender, contenders, next)
        contest_reserve(supervisor, contender->record, &contender->plan);
    while ((contender = TAILQ_FIRST(contenders))) {
        round_adopted(supervisor, contender->record,
                      adopt_take(supervisor, contender->record, &contender->plan));
        contest_remove(supervisor, contender);
    }
}

void contest_abandon(struct supervisor *supervisor)
{
    struct contender *contender;

    while ((contender = TAILQ_FIRST(&supervisor->round.contenders))) {
        claims_release(&supervisor->registry.claims, &contender->record->sockets, &contender->plan,
                       &contender->record->plan);
        contest_remove(supervisor, contender);
    }
}
