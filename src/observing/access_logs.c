/* SPDX-License-Identifier: MIT */
/* Rings for workers whose tenants log, and places for their lines: made here, told to both ends. */
#include "observing/access_logs.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>

/* Messages that wait for the observer, at which no more files are opened: each costs a descriptor.
 */
#define ACCESS_LOGS_QUEUE 32

static struct ipc_channel *access_logs_observer(const struct access_logs *logs)
{
    return logs->children->observer.channel;
}

/* ---- destinations ---- */

static bool destinations_is_heard(void *owner)
{
    return access_logs_observer(owner);
}

static bool destinations_is_full(void *owner)
{
    const struct ipc_channel *observer = access_logs_observer(owner);

    return observer && ipc_channel_queued(observer) >= ACCESS_LOGS_QUEUE;
}

static void destinations_on_open(void *owner, const struct log_destination *destination, int fd)
{
    const struct ipc_destination body = {destination->number, log_place_body(&destination->place)};
    struct ipc_channel *observer = access_logs_observer(owner);

    if (observer)
        ipc_send_destination(observer, IPC_DESTINATION, &body,
                             &(struct ipc_attachments){&fd, fd >= 0, NULL});
}

static void destinations_on_close(void *owner, const struct log_destination *destination)
{
    struct ipc_channel *observer = access_logs_observer(owner);

    if (observer)
        ipc_send_destination_close(observer, IPC_DESTINATION_CLOSE,
                                   &(struct ipc_destination_close){destination->number}, NULL);
}

static void destinations_on_settled(void *owner, const char *error)
{
    const struct access_logs *logs = owner;

    logs->on_settled(logs->owner, error);
}

static const struct log_destinations_events destinations_events = {
    .is_heard = destinations_is_heard,
    .is_full = destinations_is_full,
    .on_open = destinations_on_open,
    .on_close = destinations_on_close,
    .on_settled = destinations_on_settled};

void access_logs_follow(struct access_logs *logs, struct record *record)
{
    log_destinations_use(&logs->destinations, &record->logs, record->plan.logs,
                         record->plan.log_count);
}

void access_logs_leave(struct access_logs *logs, struct record *record)
{
    log_destinations_use(&logs->destinations, &record->logs, NULL, 0);
}

void access_logs_reopen(struct access_logs *logs)
{
    log_destinations_reopen(&logs->destinations);
}

/* ---- rings ---- */

static void ring_send(struct ipc_channel *channel, const struct log_ring *ring)
{
    if (channel)
        ipc_send_ring(channel, IPC_RING, &(struct ipc_ring){ring->number},
                      &(struct ipc_attachments){ring->descriptors, 2, NULL});
}

static void ring_say_end(const struct access_logs *logs, const struct log_ring *ring)
{
    if (access_logs_observer(logs))
        ipc_send_ring(access_logs_observer(logs), IPC_RING_END, &(struct ipc_ring){ring->number},
                      NULL);
}

static uint32_t ring_column(const struct child *worker)
{
    return tally_column(worker->half, worker->index);
}

/* Without memory for a ring nothing is logged. */
static void access_logs_equip(struct access_logs *logs, struct child *worker)
{
    struct log_ring *ring = log_rings_find(&logs->rings, ring_column(worker));
    char name[32];

    if (ring)
        return;
    ring = log_rings_add(&logs->rings, ring_column(worker));
    if (ring) {
        ring_send(access_logs_observer(logs), ring);
        ring_send(worker->channel, ring);
    } else {
        child_name(worker, name);
        log_error("no access log of %s: no memory for its lines: %s", name, error_reason(errno));
    }
}

struct slice access_logs_of(struct access_logs *logs, struct child *worker,
                            const struct record *record)
{
    const struct log_numbers *numbers = &record->logs;

    if (numbers->count > 0)
        access_logs_equip(logs, worker);
    return (struct slice){(const char *)numbers->list, numbers->count * sizeof(numbers->list[0])};
}

void access_logs_on_worker_death(struct access_logs *logs, const struct child *worker)
{
    const struct log_ring *ring = log_rings_end(&logs->rings, ring_column(worker));

    if (ring)
        ring_say_end(logs, ring);
}

int access_logs_on_done(struct access_logs *logs, struct wire_reader *body)
{
    struct ipc_ring done;

    return ipc_get_ring(body, &done) == 0 && log_rings_remove(&logs->rings, done.number)
               ? 0
               : ERROR_IPC;
}

/* The board's cells outlive the observer. */
int access_logs_on_dropped(struct access_logs *logs, struct wire_reader *body)
{
    struct ipc_dropped dropped;

    if (ipc_get_dropped(body, &dropped) != 0)
        return ERROR_IPC;
    metrics_add(figures_gateway(&logs->children->figures), METRIC_ACCESS_LOG_DROPPED,
                dropped.count);
    return 0;
}

void access_logs_on_drained(struct access_logs *logs)
{
    log_destinations_resume(&logs->destinations);
}

/* Places first: their lines follow. */
void access_logs_on_start(struct access_logs *logs)
{
    const struct log_ring *ring;

    log_destinations_tell(&logs->destinations);
    TAILQ_FOREACH (ring, &logs->rings.all, next) {
        ring_send(access_logs_observer(logs), ring);
        if (ring->column == LOG_RING_ENDED)
            ring_say_end(logs, ring);
    }
}

bool access_logs_are_there(const struct access_logs *logs)
{
    return log_destinations_are_there(&logs->destinations) || !TAILQ_EMPTY(&logs->rings.all);
}

/* ---- for the next binary ---- */

void access_logs_put(struct wire_writer *writer, const struct access_logs *logs)
{
    log_destinations_put(writer, &logs->destinations);
    log_rings_put(writer, &logs->rings);
}

void access_logs_get(struct wire_reader *reader, struct access_logs *logs)
{
    log_destinations_get(reader, &logs->destinations);
    log_rings_get(reader, &logs->rings);
}

/* ---- life ---- */

void access_logs_init(struct access_logs *logs, struct children *children,
                      void (*on_settled)(void *owner, const char *error), void *owner)
{
    *logs = (struct access_logs){.children = children, .on_settled = on_settled, .owner = owner};
    log_destinations_init(&logs->destinations, children->loop, children->program,
                          &destinations_events, logs);
    log_rings_init(&logs->rings);
}

void access_logs_free(struct access_logs *logs)
{
    log_destinations_free(&logs->destinations);
    log_rings_free(&logs->rings);
}
