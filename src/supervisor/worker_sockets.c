/* SPDX-License-Identifier: MIT */
/* Between workers and tenants' sockets: messages of either about the other. */
#include "worker_sockets_internal.h"

#include <errno.h>
#include <unistd.h>

/* Questions that a worker may ask, in the long run and at once: each costs about 40 us here, so
 * that one which an intruder has taken over is given a tenth of a core at most. */
#define SOCKETS_PER_SECOND 1500.0
#define SOCKETS_AT_ONCE    200.0
#define SOCKETS_COST       30.0 /* microseconds of four, besides what the question costs */

/* Answers that wait for a worker to read them: from the first number on they bring no sockets,
 * beyond the second it is not a worker of ours any more that asks. */
#define SOCKETS_QUEUED     64
#define SOCKETS_QUEUED_MAX 1024

/* ---- telling ---- */

static void worker_sockets_on_bound(void *owner, struct tenant_sockets *tenant)
{
    workers_send(&((struct supervisor *)owner)->children, &record_of_sockets(tenant)->assignment);
}

static void worker_sockets_on_closed(void *owner, const struct closed_sockets *closed,
                                     uint64_t workers, uint32_t limit)
{
    const struct ipc_listener_close body = {slice_of(closed->tenant), slice_of(closed->text),
                                            closed->id.inode, limit};

    children_close_listener(&((struct supervisor *)owner)->children, &body, workers);
}

/* All workers: one may have connections of a tenant that it serves no more. */
static void worker_sockets_on_stale(void *owner, const struct closed_sockets *closed,
                                    uint32_t limit)
{
    const struct ipc_sockets_stale body = {slice_of(closed->tenant), slice_of(closed->text), limit};

    children_leave_sockets(&((struct supervisor *)owner)->children, &body);
}

static void worker_sockets_on_retried(void *owner)
{
    workers_pump_lacking(&((struct supervisor *)owner)->children);
}

const struct sockets_events worker_sockets_events = {.on_bound = worker_sockets_on_bound,
                                                     .on_closed = worker_sockets_on_closed,
                                                     .on_stale = worker_sockets_on_stale,
                                                     .on_retried = worker_sockets_on_retried};

/* ---- asking ---- */

static bool worker_may_ask_now(const struct supervisor *supervisor, struct child *worker)
{
    double now = loop_now(&supervisor->loop);

    return ipc_channel_queued(worker->channel) < SOCKETS_QUEUED &&
           allowance_take(&worker->asking, now, SOCKETS_PER_SECOND, SOCKETS_AT_ONCE);
}

static void sockets_answer(struct child *worker, const struct ipc_sockets_ask *question,
                           const struct sockets_batch *batch)
{
    const struct ipc_sockets body = {question->tenant, question->netns, batch->family,
                                     batch->error};

    ipc_send_sockets(worker->channel, IPC_SOCKETS, &body,
                     &(struct ipc_attachments){batch->sockets, batch->count, NULL});
    for (unsigned i = 0; i < batch->count; i++)
        close(batch->sockets[i]);
}

int worker_sockets_on_ask(struct supervisor *supervisor, struct child *worker,
                          struct wire_reader *body)
{
    struct sockets_batch batch = {0};
    struct ipc_sockets_ask question;
    struct record *record;

    if (ipc_get_sockets_ask(body, &question) != 0)
        return ERROR_IPC;
    batch.family = question.family;
    if (!child_is_up(worker) || worker->has_ended)
        return 0;
    if (ipc_channel_queued(worker->channel) >= SOCKETS_QUEUED_MAX)
        return ERROR_IPC;
    record = registry_find(&supervisor->registry, question.tenant);
    if (!worker_may_ask_now(supervisor, worker))
        batch.error = EAGAIN;
    else
        sockets_fill(&supervisor->sockets, worker_of_sockets(worker),
                     record ? &record->sockets : NULL, &question, &batch);
    child_charge(worker, SOCKETS_COST * batch.count / IPC_DESCRIPTORS_MAX);
    sockets_answer(worker, &question, &batch);
    return 0;
}
