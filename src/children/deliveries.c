/* SPDX-License-Identifier: MIT */
/* What is under way to workers, in the order in which it was sent. */
#include "deliveries_internal.h"
#include "progress_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "children/children.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

uint64_t deliveries_add(struct child *worker, struct assignment *assignment, const char *listener)
{
    struct delivery *delivery = memory_zeroed(1, sizeof(*delivery));

    delivery->assignment = assignment;
    delivery->listener = listener ? memory_text(listener) : NULL;
    delivery->serial = ++worker->children->serial;
    delivery->asked = worker->heartbeat.asked;
    DL_APPEND(worker->deliveries, delivery);
    worker->awaiting++;
    if (assignment)
        assignment->deliveries++;
    progress_note(worker);
    return delivery->serial;
}

void deliveries_take_first(struct child *worker)
{
    struct delivery *first = worker->deliveries;

    DL_DELETE(worker->deliveries, first);
    worker->awaiting--;
    if (first->assignment)
        first->assignment->deliveries--;
    free(first->listener);
    free(first);
    progress_note(worker);
}

static bool delivery_is_like(const struct delivery *a, const struct delivery *b)
{
    if (a->assignment != b->assignment || !a->listener != !b->listener)
        return false;
    return !a->listener || strcmp(a->listener, b->listener) == 0;
}

bool deliveries_is_last(const struct child *worker, const struct delivery *delivery)
{
    const struct delivery *later;

    if (!delivery->assignment || worker->is_former)
        return false;
    for (later = delivery->next; later; later = later->next) {
        if (delivery_is_like(later, delivery))
            return false;
    }
    return true;
}

void deliveries_forget(struct child *worker, struct assignment *assignment)
{
    struct delivery *delivery;

    DL_FOREACH(worker->deliveries, delivery)
    {
        if (!delivery->assignment || (assignment && delivery->assignment != assignment))
            continue;
        delivery->assignment->deliveries--;
        delivery->assignment = NULL;
    }
}

void deliveries_close(struct child *worker)
{
    while (worker->deliveries)
        deliveries_take_first(worker);
}

int deliveries_on_working(struct child *worker, uint64_t serial)
{
    const struct delivery *first = worker->deliveries;

    return first && first->serial == serial && worker->working != serial ? 0 : ERROR_IPC;
}

/* Messages are answered in the order in which they came (ipc/message.h). */
int deliveries_on_pong(struct child *worker, uint64_t ping)
{
    const struct delivery *first = worker->deliveries;
    char name[32];

    if (!first || first->asked >= ping)
        return 0;
    child_name(worker, name);
    log_error("%s answers, but does not take over %s%s: it is replaced", name,
              first->assignment ? "tenant " : "a removal",
              first->assignment ? first->assignment->name : "");
    worker->working = first->serial;
    worker->has_lied = true;
    return ERROR_IPC;
}
