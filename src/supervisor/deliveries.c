/* SPDX-License-Identifier: MIT */
/* What is under way to workers, in the order in which it was sent. */
#include "deliveries_internal.h"

#include "supervisor_internal.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

uint64_t deliveries_add(struct supervisor *supervisor, struct child *worker, struct record *record,
                        const char *listener)
{
    struct delivery *delivery = memory_zeroed(1, sizeof(*delivery));

    delivery->record = record;
    delivery->listener = listener ? memory_text(listener) : NULL;
    delivery->serial = ++supervisor->serial;
    delivery->asked = worker->heartbeat.asked;
    DL_APPEND(worker->deliveries, delivery);
    worker->awaiting++;
    if (record)
        record->deliveries++;
    return delivery->serial;
}

void deliveries_take_first(struct child *worker)
{
    struct delivery *first = worker->deliveries;

    DL_DELETE(worker->deliveries, first);
    worker->awaiting--;
    if (first->record)
        first->record->deliveries--;
    free(first->listener);
    free(first);
}

static bool delivery_is_like(const struct delivery *a, const struct delivery *b)
{
    if (a->record != b->record || !a->listener != !b->listener)
        return false;
    return !a->listener || strcmp(a->listener, b->listener) == 0;
}

bool deliveries_is_last(const struct child *worker, const struct delivery *delivery)
{
    const struct delivery *later;

    if (!delivery->record || worker->is_former)
        return false;
    for (later = delivery->next; later; later = later->next) {
        if (delivery_is_like(later, delivery))
            return false;
    }
    return true;
}

void deliveries_forget(struct child *worker, struct record *record)
{
    struct delivery *delivery;

    DL_FOREACH(worker->deliveries, delivery)
    {
        if (!delivery->record || (record && delivery->record != record))
            continue;
        delivery->record->deliveries--;
        delivery->record = NULL;
    }
}

void deliveries_close(struct child *worker)
{
    while (worker->deliveries)
        deliveries_take_first(worker);
}

const struct record *deliveries_working_on(const struct child *worker)
{
    return worker->deliveries ? worker->deliveries->record : NULL;
}

int deliveries_on_working(const struct child *worker, uint64_t serial)
{
    const struct delivery *first = worker->deliveries;

    return first && first->serial == serial && worker->working != serial ? 0 : ERROR_IPC;
}

/* Messages are answered in the order in which they came (ipc/message.h). */
int deliveries_check_committed(struct child *worker, uint64_t ping)
{
    const struct delivery *first = worker->deliveries;
    char name[32];

    if (!first || first->asked >= ping)
        return 0;
    child_name(worker, name);
    log_error("%s answers, but does not take over %s%s: it is replaced", name,
              first->record ? "tenant " : "a removal", first->record ? first->record->name : "");
    worker->working = first->serial;
    worker->has_lied = true;
    return ERROR_IPC;
}
