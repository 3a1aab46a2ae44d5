/* SPDX-License-Identifier: MIT */
/* What children ask and tell, wired to who knows and to whom it concerns. */
#include "supervisor_internal.h"
#include "worker_sockets_internal.h"

#include "base/descriptor.h"
#include "namespaces/containers.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the resolver ---- */

static struct supervisor *supervisor_of(const struct child *child)
{
    return child->children->owner;
}

static void resolver_on_start(struct child *resolver)
{
    namespace_containers_on_resolver(&supervisor_of(resolver)->namespaces);
    examiner_advance(&supervisor_of(resolver)->reload.examiner);
}

static void resolver_on_death(struct child *resolver)
{
    struct reload *reload = &supervisor_of(resolver)->reload;

    examiner_on_death(&reload->examiner, resolver->has_failed ? resolver->working : 0);
    reload_advance(reload);
}

static int resolver_on_message(struct child *resolver, struct ipc_received *received)
{
    struct supervisor *supervisor = supervisor_of(resolver);

    if (received->message == IPC_CONTAINER || received->message == IPC_CONTAINER_CONNECT)
        return namespace_containers_on_message(&supervisor->namespaces, received);
    resolver->has_lied = examiner_on_message(&supervisor->reload.examiner, received) != 0;
    return resolver->has_lied ? ERROR_IPC : 0;
}

static int resolver_on_working(struct child *resolver, uint64_t serial)
{
    return examiner_on_working(&supervisor_of(resolver)->reload.examiner, serial);
}

static bool resolver_awaits(const struct child *resolver, enum ipc_message message, uint64_t serial)
{
    (void)message;
    return examiner_is_pending(&supervisor_of(resolver)->reload.examiner, serial);
}

static bool resolver_is_wanted(const struct child *resolver)
{
    return examiner_is_wanted(&supervisor_of(resolver)->reload.examiner);
}

static bool resolver_is_patient(const struct child *resolver)
{
    return examiner_is_of_suspect(&supervisor_of(resolver)->reload.examiner);
}

static const struct child_events resolver_events = {.on_start = resolver_on_start,
                                                    .on_death = resolver_on_death,
                                                    .on_message = resolver_on_message,
                                                    .on_working = resolver_on_working,
                                                    .awaits = resolver_awaits,
                                                    .is_wanted = resolver_is_wanted,
                                                    .is_patient = resolver_is_patient};

/* ---- the observer ---- */

/* Messages that wait for the observer, above which it gets no answer yet: it does not read. */
#define OBSERVER_QUEUE 64

/* It reads the answer by itself, and can ask for nothing else. */
static void observer_send_status(struct child *observer)
{
    struct supervisor *supervisor = supervisor_of(observer);
    struct ipc_status body = {0};
    int fd;

    supervisor->is_status_due = ipc_channel_queued(observer->channel) > OBSERVER_QUEUE;
    if (supervisor->is_status_due)
        return;
    fd = control_ask(&supervisor->control, "status");
    body.error = fd < 0 ? errno : 0;
    ipc_send_status(observer->channel, IPC_STATUS, &body,
                    &(struct ipc_attachments){&fd, fd >= 0, NULL});
    descriptor_close(fd);
}

static void observer_on_start(struct child *observer)
{
    supervisor_of(observer)->is_status_due = false;
    access_logs_on_start(&supervisor_of(observer)->access_logs);
    observing_on_start(&supervisor_of(observer)->observing);
}

static void observer_on_death(struct child *observer)
{
    control_ask_end(&supervisor_of(observer)->control);
}

static void observer_on_drained(struct child *observer)
{
    struct supervisor *supervisor = supervisor_of(observer);

    if (supervisor->is_status_due)
        observer_send_status(observer);
    access_logs_on_drained(&supervisor->access_logs);
}

static int observer_on_message(struct child *observer, struct ipc_received *received)
{
    if (received->message == IPC_RING_DONE)
        return access_logs_on_done(&supervisor_of(observer)->access_logs, &received->body);
    if (received->message == IPC_LINES_DROPPED)
        return access_logs_on_dropped(&supervisor_of(observer)->access_logs, &received->body);
    if (received->message != IPC_STATUS_ASK)
        return ERROR_IPC;
    observer_send_status(observer);
    return 0;
}

static bool observer_is_wanted(const struct child *observer)
{
    return observing_is_wanted(&supervisor_of(observer)->observing);
}

static const struct child_events observer_events = {.on_start = observer_on_start,
                                                    .on_death = observer_on_death,
                                                    .on_message = observer_on_message,
                                                    .on_drained = observer_on_drained,
                                                    .is_wanted = observer_is_wanted};

const struct children_singles supervisor_singles = {&resolver_events, &observer_events};

/* ---- what workers are told of ---- */

static struct assignment *children_next_tenant(void *owner, const struct assignment *assignment)
{
    struct supervisor *supervisor = owner;
    struct record *record =
        assignment ? record_of_assignment(assignment)->hh.next : supervisor->registry.records;

    return record ? &record->assignment : NULL;
}

static struct assignment *children_find_tenant(void *owner, struct slice tenant)
{
    struct record *record = registry_find(&((struct supervisor *)owner)->registry, tenant);

    return record ? &record->assignment : NULL;
}

static struct ipc_blob *children_bundle(const struct assignment *assignment,
                                        struct slice *ticket_keys)
{
    const struct record *record = record_of_assignment(assignment);

    *ticket_keys = (struct slice){(const char *)record->tickets.keys,
                                  (size_t)record->tickets.count * TLS_TICKET_KEY};
    return record->plan.bundle;
}

static const struct cells *children_cells(const struct assignment *assignment)
{
    struct record *record = record_of_assignment(assignment);

    sweep_record(record);
    return &record->cells;
}

static struct slice children_logs(struct child *worker, const struct assignment *assignment)
{
    return access_logs_of(&supervisor_of(worker)->access_logs, worker,
                          record_of_assignment(assignment));
}

static bool children_was_guilty(const struct assignment *assignment)
{
    const struct retry *retry = &record_of_assignment(assignment)->retry;

    return retry->reason == RETRY_DEATH && retry->pause > 0.;
}

static void children_on_guilty(void *owner, struct assignment *assignment)
{
    reload_withdraw(&((struct supervisor *)owner)->reload, record_of_assignment(assignment),
                    "workers died over it twice, it is no longer served");
}

static void children_on_cleared(struct assignment *assignment)
{
    struct retry *retry = &record_of_assignment(assignment)->retry;

    if (retry->reason == RETRY_DEATH)
        retry->pause = 0.;
}

/* ---- what happens ---- */

static void children_on_lacking(void *owner)
{
    sockets_retry(&((struct supervisor *)owner)->sockets);
}

static void children_on_sent(struct child *worker, struct assignment *assignment)
{
    record_of_assignment(assignment)->sockets.served[worker->half] |= worker_bit(worker);
}

static void children_send_listeners(struct child *worker, struct assignment *assignment)
{
    struct tenant_sockets *sockets = &record_of_assignment(assignment)->sockets;

    LISTENERS_FOREACH (listener, sockets) {
        uint64_t served = listener->holders | (listener->lacking & ~listener->offered);

        if (listener->state != LISTENER_BOUND || (served & worker_bit(worker)))
            continue;
        worker_send_listener(worker, assignment, listener->plan->text, listener->fd,
                             resident_where(&sockets->resident).inode);
        listener->holders |= worker_bit(worker);
        listener->offered &= ~worker_bit(worker);
    }
}

static void children_on_taken(struct child *worker, struct assignment *assignment,
                              struct slice address)
{
    sockets_on_taken(&record_of_assignment(assignment)->sockets, worker_bit(worker), address);
}

static void children_on_lacked(struct child *worker, struct assignment *assignment,
                               const struct ipc_lacked *lacked)
{
    char name[32];

    child_name(worker, name);
    sockets_on_lacked(&record_of_assignment(assignment)->sockets, worker_bit(worker), name, lacked);
}

static void children_on_released(struct assignment *assignment, uint64_t workers)
{
    tenant_sockets_forget(&record_of_assignment(assignment)->sockets, workers);
}

static void children_on_generation(void *owner)
{
    sockets_on_generation(&((struct supervisor *)owner)->sockets);
}

static int children_on_listener_dead(struct child *worker, struct wire_reader *body)
{
    struct supervisor *supervisor = supervisor_of(worker);
    struct ipc_listener_dead dead;
    struct record *record;

    if (ipc_get_listener_dead(body, &dead) != 0)
        return ERROR_IPC;
    record = registry_find(&supervisor->registry, dead.tenant);
    if (record && !worker->is_former && /* the present ones see it too */
        sockets_on_dead(&record->sockets, worker_bit(worker), &dead))
        worker_set_lacking(worker);
    return 0;
}

static int children_on_message(struct child *worker, struct ipc_received *received)
{
    switch (received->message) {
    case IPC_SOCKETS_ASK:
        return worker_sockets_on_ask(supervisor_of(worker), worker, &received->body);
    case IPC_LISTENER_DEAD:
        return children_on_listener_dead(worker, &received->body);
    default:
        return ERROR_IPC;
    }
}

/* What it had taken of its tenants' limits is given back; what it had to log is read. */
static void children_on_worker_death(struct child *worker)
{
    sweep_begin(&supervisor_of(worker)->sweep, tally_column(worker->half, worker->index));
    access_logs_on_worker_death(&supervisor_of(worker)->access_logs, worker);
    sockets_on_death(&supervisor_of(worker)->sockets, worker_of_sockets(worker));
}

static void children_on_tick(void *owner)
{
    board_follow(owner);
}

static void children_on_gone(void *owner)
{
    ending_look(owner);
}

static void children_on_hopeless(void *owner)
{
    ending_begin(owner, EXIT_FAILURE);
}

const struct children_events supervisor_children_events = {
    .next = children_next_tenant,
    .find = children_find_tenant,
    .bundle = children_bundle,
    .cells = children_cells,
    .logs = children_logs,
    .was_guilty = children_was_guilty,
    .on_guilty = children_on_guilty,
    .on_cleared = children_on_cleared,
    .on_lacking = children_on_lacking,
    .on_sent = children_on_sent,
    .send_listeners = children_send_listeners,
    .on_taken = children_on_taken,
    .on_lacked = children_on_lacked,
    .on_released = children_on_released,
    .on_generation = children_on_generation,
    .on_message = children_on_message,
    .on_worker_death = children_on_worker_death,
    .on_tick = children_on_tick,
    .on_gone = children_on_gone,
    .on_hopeless = children_on_hopeless,
};
