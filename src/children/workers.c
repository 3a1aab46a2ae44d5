/* SPDX-License-Identifier: MIT */
/* Handing tenants to workers: choice, sending with a bound on what is under way, answers. */
#include "children/workers.h"

#include "children_internal.h"
#include "deliveries_internal.h"
#include "progress_internal.h"

#include "base/descriptor.h"
#include "base/log.h"

#define WORKERS_HOPELESS 6 /* quick deaths of each before one was ready: the start failed */

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

static void worker_set_due(struct child *worker, struct assignment *assignment)
{
    if (assignment->due & worker_bit(worker))
        return;
    assignment->due |= worker_bit(worker);
    worker->due++;
    progress_note(worker);
}

static void worker_clear_due(struct child *worker, struct assignment *assignment)
{
    if (!(assignment->due & worker_bit(worker)))
        return;
    assignment->due &= ~worker_bit(worker);
    worker->due--;
    progress_note(worker);
}

static void worker_note_lacking(struct child *worker, bool is_lacking)
{
    worker->is_lacking = is_lacking;
    progress_note(worker);
}

static struct assignment *workers_next(const struct children *children,
                                       const struct assignment *assignment)
{
    return children->events->next(children->owner, assignment);
}

void workers_forget_all(struct children *children)
{
    struct assignment *assignment = NULL;

    GENERATION_FOREACH (worker, &children->present) {
        deliveries_forget(worker, NULL);
        worker->tenants = worker->due = 0;
        worker_note_lacking(worker, false);
    }
    while ((assignment = workers_next(children, assignment))) {
        assignment->workers = assignment->told = assignment->due = assignment->committing = 0;
        assignment->deliveries = 0;
    }
    children->events->on_generation(children->owner);
}

/* ---- messages ---- */

static void worker_send_tenant(struct child *worker, struct assignment *assignment)
{
    const struct children_events *events = worker->children->events;
    const struct cells *cells = events->cells(assignment);
    struct ipc_tenant body = {.serial = deliveries_add(worker, assignment, NULL),
                              .name = slice_of(assignment->name),
                              .slot = assignment->slot,
                              .figures =
                                  figures_enter(&worker->children->figures, assignment->slot)};
    struct ipc_attachments attachments = {&cells->fd, cells->fd >= 0 ? 1 : 0, NULL};
    struct wire_writer layout;

    wire_writer_init(&layout);
    ipc_put_cells(&layout, cells);
    body.cells = wire_written(&layout);
    body.logs = events->logs(worker, assignment);
    attachments.blob = events->bundle(assignment, &body.ticket_keys);
    figures_let(&worker->children->figures, assignment->slot,
                tally_column(worker->half, worker->index));
    ipc_send_tenant(worker->channel, IPC_TENANT, &body, &attachments);
    wire_writer_free(&layout);
    assignment->told |= worker_bit(worker);
    assignment->committing |= worker_bit(worker);
    worker_clear_due(worker, assignment);
    events->on_sent(worker, assignment);
}

static void worker_send_remove(struct child *worker, const struct assignment *assignment,
                               bool has_moved)
{
    struct ipc_tenant_remove body = {.name = slice_of(assignment->name), .has_moved = has_moved};

    if (!child_is_up(worker))
        return;
    body.serial = deliveries_add(worker, NULL, NULL);
    ipc_send_tenant_remove(worker->channel, IPC_TENANT_REMOVE, &body, NULL);
}

void worker_send_listener(struct child *worker, struct assignment *assignment, const char *address,
                          int fd, uint64_t inode)
{
    const struct ipc_listener body = {deliveries_add(worker, assignment, address),
                                      slice_of(assignment->name), slice_of(address), inode};

    ipc_send_listener(worker->channel, IPC_LISTENER, &body,
                      &(struct ipc_attachments){&fd, 1, NULL});
}

void worker_say_drain(struct child *worker, double seconds, bool when_alone)
{
    const struct ipc_drain body = {ipc_milliseconds(seconds), when_alone};

    if (child_is_up(worker))
        ipc_send_drain(worker->channel, IPC_DRAIN, &body, NULL);
    else if (!when_alone)
        worker->silent = descriptor_close(worker->silent);
}

void worker_tell_drain_time(struct child *worker)
{
    worker_say_drain(worker, worker->children->wanted.drain_time, true);
}

/* ---- what each lacks ---- */

/* It is sent the rest as it commits, or at the next tick of the listeners' retry: sockets are not
 * acknowledged, so that a queue of them alone would drain unnoticed. */
void worker_set_lacking(struct child *worker)
{
    worker_note_lacking(worker, true);
    worker->children->events->on_lacking(worker->children->owner);
}

/* Workers have died over it, and all that serve it now have yet to take it over. */
static bool assignment_is_suspect(const struct children *children,
                                  const struct assignment *assignment)
{
    return assignment->deaths > 0 || children->events->was_guilty(assignment);
}

/* What is suspect goes to one worker after the other: it takes one with it at most. */
static bool assignment_may_go(const struct assignment *assignment, const struct child *worker)
{
    return !assignment_is_suspect(worker->children, assignment) ||
           !(assignment->committing & ~worker_bit(worker));
}

/* What one worker lacks of one tenant, as far as it has room. */
static void worker_send(struct child *worker, struct assignment *assignment)
{
    struct slice keys;

    if (!child_is_up(worker) || worker->has_ended ||
        !worker->children->events->bundle(assignment, &keys))
        return;
    if (!worker_has_room(worker)) {
        worker_set_lacking(worker);
        return;
    }
    if ((assignment->due & worker_bit(worker)) && !assignment_may_go(assignment, worker))
        return;
    if (assignment->due & worker_bit(worker))
        worker_send_tenant(worker, assignment);
    worker->children->events->send_listeners(worker, assignment);
}

void workers_send(struct children *children, struct assignment *assignment)
{
    GENERATION_FOREACH (worker, &children->present) {
        if (assignment->workers & worker_bit(worker))
            worker_send(worker, assignment);
    }
}

/* Sends it what it could not take before. */
static void worker_pump(struct child *worker)
{
    struct assignment *assignment = NULL;

    if (!child_is_up(worker) || worker->has_ended || worker->is_former)
        return;
    if (!worker_has_room(worker)) {
        worker_set_lacking(worker);
        return;
    }
    worker_note_lacking(worker, false);
    while (!worker->is_lacking && (assignment = workers_next(worker->children, assignment))) {
        if (assignment->workers & worker_bit(worker))
            worker_send(worker, assignment);
    }
}

void workers_pump_lacking(struct children *children)
{
    GENERATION_FOREACH (worker, &children->present) {
        if (!worker->is_lacking)
            continue;
        worker_pump(worker);
        if (worker->is_lacking && child_is_up(worker))
            children->events->on_lacking(children->owner);
    }
}

/* ---- choice ---- */

/* The worker with the fewest (or, for most, the most) tenants among those in the mask. */
static struct child *workers_pick(struct children *children, uint64_t mask, bool most)
{
    struct child *picked = NULL;

    GENERATION_FOREACH (worker, &children->present) {
        if (!(mask & worker_bit(worker)))
            continue;
        if (!picked ||
            (most ? worker->tenants > picked->tenants : worker->tenants < picked->tenants))
            picked = worker;
    }
    return picked;
}

/* It no longer serves the tenant; if that has moved, others do. */
static void worker_release(struct child *worker, struct assignment *assignment, bool has_moved)
{
    uint64_t bit = worker_bit(worker);

    assignment->workers &= ~bit;
    assignment->committing &= ~bit;
    worker_clear_due(worker, assignment);
    worker->tenants--;
    worker->children->events->on_released(assignment, bit);
    if (assignment->told & bit)
        worker_send_remove(worker, assignment, has_moved);
    assignment->told &= ~bit;
}

void workers_assign(struct children *children, struct assignment *assignment)
{
    unsigned wanted = children->wanted.per_tenant;
    unsigned has = (unsigned)__builtin_popcountll(assignment->workers);

    if (wanted == 0 || wanted > children->present.count)
        wanted = children->present.count;
    for (; has > wanted; has--)
        worker_release(workers_pick(children, assignment->workers, true), assignment, true);
    for (; has < wanted; has++) {
        struct child *worker = workers_pick(children, ~assignment->workers, false);

        assignment->workers |= worker_bit(worker);
        worker->tenants++;
        worker_set_due(worker, assignment);
    }
}

void workers_changed(struct children *children, struct assignment *assignment)
{
    GENERATION_FOREACH (worker, &children->present) {
        if (assignment->workers & worker_bit(worker))
            worker_set_due(worker, assignment);
    }
}

void workers_withdraw(struct children *children, struct assignment *assignment)
{
    GENERATION_FOREACH (worker, &children->present) {
        if (assignment->workers & worker_bit(worker))
            worker_release(worker, assignment, false);
        if (assignment->deliveries > 0)
            deliveries_forget(worker, assignment);
    }
    GENERATION_FOREACH (worker, &children->handover.former)
        worker_send_remove(worker, assignment, false);
}

/* ---- what happens to them ---- */

static void worker_on_start(struct child *worker)
{
    worker_tell_drain_time(worker);
    worker_pump(worker);
}

/* The tenant whose bundle it died over for the last time; NULL: none. Evidence is that it was
 * working on it, and that nobody else has killed it; traffic kills too. What was refused for that
 * before needs no second death. */
static struct assignment *worker_find_guilty(const struct child *worker)
{
    const struct delivery *first = worker->deliveries;
    struct assignment *assignment = first ? first->assignment : NULL;
    bool was_suspect;

    if (!assignment || worker->working != first->serial || !worker->has_failed)
        return NULL;
    was_suspect = assignment_is_suspect(worker->children, assignment);
    assignment->deaths++;
    return was_suspect ? assignment : NULL;
}

/* Its connections are gone with it, and so is all that it was told. */
static void worker_forget(struct child *worker)
{
    struct children *children = worker->children;
    struct assignment *assignment = NULL;

    worker_note_lacking(worker, false);
    while ((assignment = workers_next(children, assignment))) {
        assignment->told &= ~worker_bit(worker);
        assignment->committing &= ~worker_bit(worker);
        children->events->on_released(assignment, worker_bit(worker));
        if (assignment->workers & worker_bit(worker))
            worker_set_due(worker, assignment);
    }
}

/* No worker ever came up, however often it was tried, and nobody serves. */
static bool workers_are_hopeless(const struct children *children)
{
    if (children->is_ending || children->handover.state != HANDOVER_NONE)
        return false;
    GENERATION_FOREACH (worker, &children->present) {
        if (worker->was_ready || worker->quick_deaths < WORKERS_HOPELESS)
            return false;
    }
    return true;
}

static enum metric_restart worker_restart(const struct child *worker)
{
    if (worker->heartbeat.is_hung)
        return METRIC_RESTART_HUNG;
    if (worker->reason[0] || worker->is_excessive)
        return METRIC_RESTART_PROTOCOL;
    return worker->was_killed ? METRIC_RESTART_SIGNAL : METRIC_RESTART_EXIT;
}

static void worker_on_death(struct child *worker)
{
    struct children *children = worker->children;
    struct assignment *guilty = worker_find_guilty(worker);

    tally_clear_worker(children->tally, tally_column(worker->half, worker->index));
    deliveries_close(worker);
    if (!worker->is_stopping && !worker->is_dismissed)
        metrics_add_label(figures_gateway(&children->figures), METRIC_WORKER_RESTARTS,
                          worker_restart(worker), 1);
    figures_end(&children->figures, tally_column(worker->half, worker->index));
    children_advance(children);
    children->events->on_worker_death(worker);
    if (worker->is_former)
        return;
    worker_forget(worker);
    if (guilty)
        children->events->on_guilty(children->owner, guilty);
    if (!worker->is_stopping && workers_are_hopeless(children)) {
        log_error("no worker can be started, ending");
        children->events->on_hopeless(children->owner);
    }
}

/* ---- what they say ---- */

/* It has done with the first of what it was sent. */
static void worker_on_done(struct child *worker)
{
    deliveries_take_first(worker);
    if ((worker->due > 0 || worker->is_lacking) && worker->awaiting < WORKERS_LOW)
        worker_pump(worker);
}

/* A worker has the bundle in force. When all have, it is suspect no longer. */
static void worker_on_taken(const struct child *worker, struct assignment *assignment)
{
    struct children *children = worker->children;

    assignment->committing &= ~worker_bit(worker);
    if (!assignment_is_suspect(children, assignment))
        return;
    if (assignment->due == 0 && assignment->committing == 0) {
        assignment->deaths = 0;
        children->events->on_cleared(assignment);
    }
    workers_send(children, assignment);
}

static int worker_on_committed(struct child *worker, struct wire_reader *body)
{
    const struct delivery *first = worker->deliveries;
    struct ipc_serial committed;

    if (ipc_get_serial(body, &committed) != 0 || !first || first->serial != committed.serial)
        return ERROR_IPC;
    if (deliveries_is_last(worker, first) && first->listener)
        worker->children->events->on_taken(worker, first->assignment, slice_of(first->listener));
    else if (deliveries_is_last(worker, first))
        worker_on_taken(worker, first->assignment);
    worker_on_done(worker);
    return 0;
}

static int worker_on_lacked(struct child *worker, struct wire_reader *body)
{
    const struct delivery *first = worker->deliveries;
    struct ipc_lacked lacked;

    if (ipc_get_lacked(body, &lacked) != 0 || lacked.error == 0 || !first ||
        first->serial != lacked.serial || !first->listener ||
        !slice_equal(slice_of(first->listener), lacked.address))
        return ERROR_IPC;
    if (deliveries_is_last(worker, first) && (first->assignment->workers & worker_bit(worker)))
        worker->children->events->on_lacked(worker, first->assignment, &lacked);
    worker->children->events->on_lacking(worker->children->owner);
    worker_on_done(worker);
    return 0;
}

static int worker_on_message(struct child *worker, struct ipc_received *received)
{
    switch (received->message) {
    case IPC_COMMITTED:
        return worker_on_committed(worker, &received->body);
    case IPC_LACKED:
        return worker_on_lacked(worker, &received->body);
    default:
        return worker->children->events->on_message(worker, received);
    }
}

/* Of WORKING, which deliveries_on_working judges. */
static bool worker_awaits(const struct child *worker, enum ipc_message message, uint64_t serial)
{
    (void)worker;
    (void)message;
    (void)serial;
    return true;
}

void worker_init(struct child *worker, struct children *children, unsigned index, unsigned half)
{
    static const struct child_events events = {.on_start = worker_on_start,
                                               .on_death = worker_on_death,
                                               .on_message = worker_on_message,
                                               .on_working = deliveries_on_working,
                                               .on_pong = deliveries_on_pong,
                                               .awaits = worker_awaits};

    child_init(worker, children, ROLE_WORKER, &events);
    worker->index = index;
    worker->half = half;
}
