/* SPDX-License-Identifier: MIT */
/* Listeners that workers have no room for: who lacks which, and what is told of it. */
#include "lacking_internal.h"

#include "workers_internal.h"

static struct listener *record_find_bound(const struct record *record, struct slice address)
{
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        struct listener *listener = &record->plan.listeners[i];

        if (listener->state == LISTENER_BOUND && slice_equal(slice_of(listener->text), address))
            return listener;
    }
    return NULL;
}

void lacking_on_taken(const struct child *worker, const struct record *record, struct slice address)
{
    struct listener *listener = record_find_bound(record, address);

    if (!listener || !(listener->lacking & worker_bit(worker)))
        return;
    listener->lacking &= ~worker_bit(worker);
    if (listener->lacking)
        return;
    log_notice("tenant %s: all its workers have taken the listener on %s", record->name,
               listener->text);
    listener->lack = 0;
}

void lacking_note(const struct child *worker, const struct record *record, struct slice address,
                  int error)
{
    struct listener *listener = record_find_bound(record, address);
    char name[32];

    if (!listener)
        return;
    child_name(worker, name);
    if (listener->lack != error)
        log_error("tenant %s: %s cannot take the listener on %s: %s", record->name, name,
                  listener->text, error_reason(error));
    listener->holders &= ~worker_bit(worker);
    listener->lacking |= worker_bit(worker);
    listener->lack = error;
}
