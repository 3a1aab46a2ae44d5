/* SPDX-License-Identifier: MIT */
/* Handing tenants to workers: choice, sending with a bound on what is under way, answers. */
#include "workers_internal.h"

#include "deliveries_internal.h"
#include "worker_sockets_internal.h"

/* A worker is sent more while fewer than LOW tenants wait for its COMMITTED, up to HIGH: a worker
 * that starts among 10,000 tenants makes no queue of 10,000 bundles and descriptors here. */
#define WORKERS_LOW    16
#define WORKERS_HIGH   64
#define WORKERS_QUEUED 128 /* messages in the channel's queue at which sockets wait too */

static bool worker_has_room(const struct child *worker)
{
    return child_is_up(worker) && !worker->has_ended && worker->awaiting < WORKERS_HIGH &&
           ipc_channel_queued(worker->channel) < WORKERS_QUEUED;
}

static void record_set_due(struct record *record, struct child *worker)
{
    if (record->due & worker_bit(worker))
        return;
    record->due |= worker_bit(worker);
    worker->due++;
}

static void record_clear_due(struct record *record, struct child *worker)
{
    if (!(record->due & worker_bit(worker)))
        return;
    record->due &= ~worker_bit(worker);
    worker->due--;
}

void workers_forget(struct supervisor *supervisor, struct record *record)
{
    for (unsigned i = 0; i < supervisor->worker_count && record->deliveries > 0; i++)
        deliveries_forget(&supervisor->workers[i], record);
}

void workers_forget_all(struct supervisor *supervisor)
{
    struct record *record;
    struct record *next;

    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct child *worker = &supervisor->workers[i];

        deliveries_forget(worker, NULL);
        worker->tenants = worker->due = 0;
        worker->is_lacking = false;
    }
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        record->workers = record->told = record->due = record->committing = 0;
        record->deliveries = 0;
    }
    sockets_on_generation(&supervisor->sockets);
}

/* ---- messages ---- */

static void worker_send_tenant(struct supervisor *supervisor, struct child *worker,
                               struct record *record)
{
    struct slice tickets = {(const char *)record->tickets.keys,
                            (size_t)record->tickets.count * TLS_TICKET_KEY};
    const struct ipc_tenant body = {deliveries_add(supervisor, worker, record, NULL),
                                    slice_of(record->name), record->slot, tickets};

    ipc_send_tenant(worker->channel, IPC_TENANT, &body,
                    &(struct ipc_attachments){.blob = record->plan.bundle});
    record->told |= worker_bit(worker);
    record->committing |= worker_bit(worker);
    record->sockets.served[worker->half] |= worker_bit(worker);
    record_clear_due(record, worker);
}

static void worker_send_remove(struct supervisor *supervisor, struct child *worker,
                               struct record *record, bool has_moved)
{
    struct ipc_tenant_remove body = {.name = slice_of(record->name), .has_moved = has_moved};

    if (!child_is_up(worker))
        return;
    body.serial = deliveries_add(supervisor, worker, NULL, NULL);
    ipc_send_tenant_remove(worker->channel, IPC_TENANT_REMOVE, &body, NULL);
}

static void worker_send_listener(struct supervisor *supervisor, struct child *worker,
                                 struct record *record, struct listener *listener)
{
    const struct ipc_listener body = {
        deliveries_add(supervisor, worker, record, listener->plan->text), slice_of(record->name),
        slice_of(listener->plan->text), resident_where(&record->sockets.resident).inode};

    ipc_send_listener(worker->channel, IPC_LISTENER, &body,
                      &(struct ipc_attachments){&listener->fd, 1, NULL});
    listener->holders |= worker_bit(worker);
    listener->offered &= ~worker_bit(worker);
}

/* It is sent the rest as it commits, or at the next tick of the listeners' retry: sockets are not
 * acknowledged, so that a queue of them alone would drain unnoticed. */
static void worker_set_lacking(struct supervisor *supervisor, struct child *worker)
{
    worker->is_lacking = true;
    sockets_retry(&supervisor->sockets);
}

/* Workers have died over it, and all that serve it now have yet to take it over. */
static bool record_is_suspect(const struct record *record)
{
    return record->deaths > 0 || (record->retry.reason == RETRY_DEATH && record->retry.pause > 0.);
}

/* What is suspect goes to one worker after the other: it takes one with it at most. */
static bool record_may_go(const struct record *record, const struct child *worker)
{
    return !record_is_suspect(record) || !(record->committing & ~worker_bit(worker));
}

/* What one worker lacks of one tenant, as far as it has room. */
static void worker_send(struct supervisor *supervisor, struct child *worker, struct record *record)
{
    if (!record_is_in_force(record) || !child_is_up(worker) || worker->has_ended)
        return;
    if (!worker_has_room(worker)) {
        worker_set_lacking(supervisor, worker);
        return;
    }
    if ((record->due & worker_bit(worker)) && !record_may_go(record, worker))
        return;
    if (record->due & worker_bit(worker))
        worker_send_tenant(supervisor, worker, record);
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];

        uint64_t served = listener->holders | (listener->lacking & ~listener->offered);

        if (listener->state == LISTENER_BOUND && !(served & worker_bit(worker)))
            worker_send_listener(supervisor, worker, record, listener);
    }
}

void workers_send(struct supervisor *supervisor, struct record *record)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        if (record->workers & worker_bit(&supervisor->workers[i]))
            worker_send(supervisor, &supervisor->workers[i], record);
    }
}

void workers_pump(struct supervisor *supervisor, struct child *worker)
{
    struct record *record;
    struct record *next;

    if (!child_is_up(worker) || worker->has_ended || worker->is_former)
        return;
    if (!worker_has_room(worker)) {
        worker_set_lacking(supervisor, worker);
        return;
    }
    worker->is_lacking = false;
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        if (record->workers & worker_bit(worker))
            worker_send(supervisor, worker, record);
        if (worker->is_lacking)
            return;
    }
}

void workers_pump_lacking(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct child *worker = &supervisor->workers[i];

        if (!worker->is_lacking)
            continue;
        workers_pump(supervisor, worker);
        if (worker->is_lacking && child_is_up(worker)) {
            sockets_retry(&supervisor->sockets);
            continue;
        }
        generation_advance(supervisor);
        reload_advance(&supervisor->reload);
    }
}

/* ---- choice ---- */

/* The worker with the fewest (or, for most, the most) tenants among those in the mask. */
static struct child *workers_pick(struct supervisor *supervisor, uint64_t mask, bool most)
{
    struct child *picked = NULL;

    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct child *worker = &supervisor->workers[i];

        if (!(mask & worker_bit(worker)))
            continue;
        if (!picked ||
            (most ? worker->tenants > picked->tenants : worker->tenants < picked->tenants))
            picked = worker;
    }
    return picked;
}

/* It no longer serves the tenant; if that has moved, others do. */
static void worker_release(struct supervisor *supervisor, struct child *worker,
                           struct record *record, bool has_moved)
{
    uint64_t bit = worker_bit(worker);

    record->workers &= ~bit;
    record->committing &= ~bit;
    record_clear_due(record, worker);
    worker->tenants--;
    tenant_sockets_forget(&record->sockets, bit);
    if (record->told & bit)
        worker_send_remove(supervisor, worker, record, has_moved);
    record->told &= ~bit;
}

void workers_assign(struct supervisor *supervisor, struct record *record)
{
    unsigned wanted = supervisor->settings->model.workers_per_tenant;
    unsigned has = (unsigned)__builtin_popcountll(record->workers);

    if (wanted == 0 || wanted > supervisor->worker_count)
        wanted = supervisor->worker_count;
    for (; has > wanted; has--)
        worker_release(supervisor, workers_pick(supervisor, record->workers, true), record, true);
    for (; has < wanted; has++) {
        struct child *worker = workers_pick(supervisor, ~record->workers, false);

        record->workers |= worker_bit(worker);
        worker->tenants++;
        record_set_due(record, worker);
    }
}

void workers_changed(struct supervisor *supervisor, struct record *record)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        if (record->workers & worker_bit(&supervisor->workers[i]))
            record_set_due(record, &supervisor->workers[i]);
    }
}

void workers_withdraw(struct supervisor *supervisor, struct record *record)
{
    const struct generation *former = &supervisor->handover.former;

    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        if (record->workers & worker_bit(&supervisor->workers[i]))
            worker_release(supervisor, &supervisor->workers[i], record, false);
    }
    for (unsigned i = 0; i < former->count; i++)
        worker_send_remove(supervisor, &former->workers[i], record, false);
}

/* ---- what happens to them ---- */

void workers_on_start(struct supervisor *supervisor, struct child *worker)
{
    generation_tell_limit(supervisor, worker);
    workers_pump(supervisor, worker);
    reload_advance(&supervisor->reload); /* which may have waited for it */
}

/* The record whose bundle it died over for the last time; NULL: none. Evidence is that it was
 * working on it, and that nobody else has killed it; traffic kills too. What was refused for that
 * before needs no second death. */
static struct record *workers_find_guilty(const struct child *worker)
{
    const struct delivery *first = worker->deliveries;
    struct record *record = first ? first->record : NULL;
    bool was_suspect;

    if (!record || worker->working != first->serial || !worker->has_failed)
        return NULL;
    was_suspect = record_is_suspect(record);
    record->deaths++;
    return was_suspect ? record : NULL;
}

/* Its connections are gone with it, and so is all that it was told. */
void workers_on_death(struct supervisor *supervisor, struct child *worker)
{
    struct record *guilty = workers_find_guilty(worker);
    struct record *record;
    struct record *next;

    if (supervisor->tally)
        tally_clear_worker(supervisor->tally, tally_column(worker->half, worker->index));
    deliveries_close(worker);
    figures_on_death(supervisor, worker);
    generation_advance(supervisor);
    sockets_on_death(&supervisor->sockets, worker_of_sockets(worker));
    if (worker->is_former)
        return;
    worker->is_lacking = false;
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        record->told &= ~worker_bit(worker);
        record->committing &= ~worker_bit(worker);
        tenant_sockets_forget(&record->sockets, worker_bit(worker));
        if (record->workers & worker_bit(worker))
            record_set_due(record, worker);
    }
    if (guilty)
        reload_withdraw(&supervisor->reload, guilty,
                        "workers died over it twice, it is no longer served");
    reload_advance(&supervisor->reload);
}

/* It has done with the first of what it was sent. */
static void workers_on_done(struct supervisor *supervisor, struct child *worker)
{
    deliveries_take_first(worker);
    if ((worker->due > 0 || worker->is_lacking) && worker->awaiting < WORKERS_LOW)
        workers_pump(supervisor, worker);
    if (worker->awaiting == 0)
        reload_advance(&supervisor->reload);
}

/* A worker has the bundle in force. When all have, it is suspect no longer. */
static void workers_on_taken(struct supervisor *supervisor, const struct child *worker,
                             struct record *record)
{
    record->committing &= ~worker_bit(worker);
    if (!record_is_suspect(record))
        return;
    if (record->due == 0 && record->committing == 0) {
        record->deaths = 0;
        if (record->retry.reason == RETRY_DEATH)
            record->retry.pause = 0.;
    }
    workers_send(supervisor, record);
}

static int workers_on_committed(struct supervisor *supervisor, struct child *worker,
                                struct wire_reader *body)
{
    const struct delivery *first = worker->deliveries;
    struct ipc_serial committed;

    if (ipc_get_serial(body, &committed) != 0 || !first || first->serial != committed.serial)
        return ERROR_IPC;
    if (deliveries_is_last(worker, first) && first->listener)
        sockets_on_taken(&first->record->sockets, worker_bit(worker), slice_of(first->listener));
    else if (deliveries_is_last(worker, first))
        workers_on_taken(supervisor, worker, first->record);
    workers_on_done(supervisor, worker);
    return 0;
}

static int workers_on_lacked(struct supervisor *supervisor, struct child *worker,
                             struct wire_reader *body)
{
    const struct delivery *first = worker->deliveries;
    struct ipc_lacked lacked;
    char name[32];

    if (ipc_get_lacked(body, &lacked) != 0 || lacked.error == 0 || !first ||
        first->serial != lacked.serial || !first->listener ||
        !slice_equal(slice_of(first->listener), lacked.address))
        return ERROR_IPC;
    child_name(worker, name);
    if (deliveries_is_last(worker, first) && (first->record->workers & worker_bit(worker)))
        sockets_on_lacked(&first->record->sockets, worker_bit(worker), name, &lacked);
    sockets_retry(&supervisor->sockets);
    workers_on_done(supervisor, worker);
    return 0;
}

static int workers_on_listener_dead(struct supervisor *supervisor, struct child *worker,
                                    struct wire_reader *body)
{
    struct ipc_listener_dead dead;
    struct record *record;

    if (ipc_get_listener_dead(body, &dead) != 0)
        return ERROR_IPC;
    record = registry_find(&supervisor->registry, dead.tenant);
    if (record && !worker->is_former && /* the present ones see it too */
        sockets_on_dead(&record->sockets, worker_bit(worker), &dead))
        worker->is_lacking = true;
    return 0;
}

int workers_on_message(struct supervisor *supervisor, struct child *worker,
                       struct ipc_received *received)
{
    switch (received->message) {
    case IPC_FIGURES:
        return figures_on_message(supervisor, worker, received);
    case IPC_COMMITTED:
        return workers_on_committed(supervisor, worker, &received->body);
    case IPC_LACKED:
        return workers_on_lacked(supervisor, worker, &received->body);
    case IPC_SOCKETS_ASK:
        return worker_sockets_on_ask(supervisor, worker, &received->body);
    case IPC_LISTENER_DEAD:
        return workers_on_listener_dead(supervisor, worker, &received->body);
    default:
        return ERROR_IPC;
    }
}

bool workers_are_settled(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        const struct child *worker = &supervisor->workers[i];

        if (child_is_up(worker) ? !worker_is_settled(worker) : child_is_awaited(worker))
            return false;
    }
    return true;
}
