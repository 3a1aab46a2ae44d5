/* SPDX-License-Identifier: MIT */
/* Attempts that wait, in their order. */
#include "queue_internal.h"

#include "base/container_of.h"
#include "base/memory.h"

#include <stdlib.h>

static void on_wake(struct loop_task *task)
{
    struct backend_queue *queue = CONTAINER_OF(task, struct backend_queue, wake);
    queue->serve(queue);
}

static void on_tick(struct deadline *deadline)
{
    struct backend_queue *queue = CONTAINER_OF(deadline, struct backend_queue, tick);
    if (queue_is_empty(queue))
        return;
    deadline_set(&queue->tick, MAKING_WAIT);
    queue_wake(queue);
}

struct backend_queue *queue_new(void *owner, struct loop *loop,
                                void (*serve)(struct backend_queue *queue))
{
    struct backend_queue *queue = memory_zeroed(1, sizeof(*queue));
    TAILQ_INIT(&queue->waiting);
    queue->owner = owner;
    queue->loop = loop;
    queue->serve = serve;
    queue->wake.run = on_wake;
    deadline_init(&queue->tick, loop, on_tick);
    return queue;
}

void queue_free(struct backend_queue *queue)
{
    if (!queue)
        return;
    deadline_stop(&queue->tick);
    loop_cancel(queue->loop, &queue->wake);
    free(queue);
}

void queue_put(struct backend_queue *queue, struct backend_attempts *attempts)
{
    attempts->queue = queue;
    attempts->queued = loop_now(queue->loop);
    if (queue_is_empty(queue)) {
        queue->looked_at = attempts->queued;
        deadline_set(&queue->tick, MAKING_WAIT);
    }
    TAILQ_INSERT_TAIL(&queue->waiting, attempts, in_queue);
    queue->count++;
}

void queue_remove(struct backend_attempts *attempts)
{
    struct backend_queue *queue = attempts->queue;
    if (queue->next == attempts)
        queue->next = TAILQ_NEXT(attempts, in_queue);
    TAILQ_REMOVE(&queue->waiting, attempts, in_queue);
    attempts->queue_seconds += loop_now(queue->loop) - attempts->queued;
    queue->count--;
}

void queue_wake(struct backend_queue *queue)
{
    if (!queue_is_empty(queue))
        loop_defer(queue->loop, &queue->wake);
}
