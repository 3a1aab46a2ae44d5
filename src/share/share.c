/* SPDX-License-Identifier: MIT */
/* Start-time fair queueing (Goyal, Vin, Cheng 1996): whose turn it is, and what it costs. */
#include "share/share.h"

#include "base/container_of.h"

#include <assert.h>

void share_init(struct share *share, uint32_t weight)
{
    assert(weight > 0);
    *share = (struct share){.weight = weight};
}

void share_ready(struct share_queue *queue, struct share *share)
{
    if (share->node.is_in)
        return;
    heap_push(&queue->heap, &share->node,
              share->finish > queue->virtual ? share->finish : queue->virtual);
}

struct share *share_next(struct share_queue *queue)
{
    struct heap_node *first = heap_first(&queue->heap);
    if (!first)
        return NULL;
    heap_remove(&queue->heap, first);
    queue->virtual = first->key;
    struct share *share = CONTAINER_OF(first, struct share, node);
    share->finish = first->key;
    return share;
}

void share_charge(struct share *share, double seconds)
{
    if (seconds > SHARE_CHARGE_MAX)
        seconds = SHARE_CHARGE_MAX;
    share->charged += seconds;
    share->finish += seconds / share->weight;
}

void share_forget(struct share_queue *queue, struct share *share)
{
    heap_remove(&queue->heap, &share->node);
}
