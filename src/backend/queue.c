/* SPDX-License-Identifier: MIT */
/* The attempts that wait for a connection to one server. */
#include "queue_internal.h"

#include "base/container_of.h"

static struct loop *loop_of(const struct backend_endpoint *endpoint)
{
    return endpoint->group->backends->loop;
}

static void on_serve(struct loop_task *task)
{
    struct backend_endpoint *endpoint = CONTAINER_OF(task, struct backend_endpoint, queue.serve);
    endpoint->group->backends->serve(endpoint);
}

static void on_tick(struct deadline *deadline)
{
    struct backend_endpoint *endpoint = CONTAINER_OF(deadline, struct backend_endpoint, queue.tick);
    if (queue_is_empty(endpoint))
        return;
    deadline_set(&endpoint->queue.tick, MAKING_WAIT);
    queue_wake(endpoint);
}

void queue_init(struct backend_endpoint *endpoint)
{
    struct backend_queue *queue = &endpoint->queue;
    TAILQ_INIT(&queue->waiting);
    queue->serve.run = on_serve;
    deadline_init(&queue->tick, loop_of(endpoint), on_tick);
}

void queue_stop(struct backend_endpoint *endpoint)
{
    deadline_stop(&endpoint->queue.tick);
    loop_cancel(loop_of(endpoint), &endpoint->queue.serve);
}

void queue_put(struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    struct backend_queue *queue = &endpoint->queue;
    attempts->queued = loop_now(loop_of(endpoint));
    if (queue_is_empty(endpoint)) {
        endpoint->making.lacking_since = attempts->queued;
        queue->looked_at = attempts->queued;
        deadline_set(&queue->tick, MAKING_WAIT);
    }
    TAILQ_INSERT_TAIL(&queue->waiting, attempts, in_queue);
    queue->count++;
}

void queue_remove(struct backend_endpoint *endpoint, struct backend_attempts *attempts)
{
    TAILQ_REMOVE(&endpoint->queue.waiting, attempts, in_queue);
    attempts->queue_seconds += loop_now(loop_of(endpoint)) - attempts->queued;
    if (--endpoint->queue.count == 0)
        endpoint->making.lacking_since = 0;
}

void queue_wake(struct backend_endpoint *endpoint)
{
    if (!queue_is_empty(endpoint))
        loop_defer(loop_of(endpoint), &endpoint->queue.serve);
}
