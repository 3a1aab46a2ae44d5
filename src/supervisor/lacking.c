/* SPDX-License-Identifier: MIT */
/* Listeners that workers have no room for: who lacks which, and what is told of it. */
#include "lacking_internal.h"

#include "workers_internal.h"

/* Seconds after an offer until the next one: more each time, and so many more for each listener
 * that the answers to them cost us a tenth of a core at most, LISTENER and LACKED together. */
#define LACKING_FIRST 0.5
#define LACKING_MOST  2.0
#define LACKING_EACH  0.0005

static struct listener *record_find_bound(const struct record *record, struct slice address)
{
    for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
        struct listener *listener = &record->sockets.listeners[i];

        if (listener->state == LISTENER_BOUND &&
            slice_equal(slice_of(listener->plan->text), address))
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
               listener->plan->text);
    listener->lack = 0;
}

void lacking_note(const struct child *worker, const struct record *record, struct slice address,
                  int error)
{
    struct listener *listener = record_find_bound(record, address);
    char name[32];

    if (!listener || !(record->workers & worker_bit(worker)))
        return;
    child_name(worker, name);
    if (!listener->lacking)
        log_error("tenant %s: %s cannot take the listener on %s: %s", record->name, name,
                  listener->plan->text, error_reason(error));
    listener->holders &= ~worker_bit(worker);
    listener->lacking |= worker_bit(worker);
    listener->lack = error;
}

/* Offers all that it lacks. Returns how many that are. */
static unsigned lacking_offer_to(struct supervisor *supervisor, const struct child *worker)
{
    unsigned count = 0;

    for (struct record *record = supervisor->registry.records; record; record = record->hh.next) {
        for (uint32_t i = 0; i < record->sockets.listener_count; i++) {
            struct listener *listener = &record->sockets.listeners[i];

            listener->offered |= listener->lacking & worker_bit(worker);
            count += (listener->lacking & worker_bit(worker)) != 0;
        }
    }
    return count;
}

bool lacking_offer(struct supervisor *supervisor)
{
    double now = loop_now(&supervisor->loop);
    bool is_any = false;

    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct child *worker = &supervisor->workers[i];
        unsigned count;

        is_any = is_any || now < worker->offer_at;
        if (now < worker->offer_at)
            continue;
        count = lacking_offer_to(supervisor, worker);
        worker->offer_pause = count == 0                 ? 0.
                              : worker->offer_pause > 0. ? 2. * worker->offer_pause
                                                         : LACKING_FIRST;
        if (worker->offer_pause > LACKING_MOST)
            worker->offer_pause = LACKING_MOST;
        worker->offer_at = count == 0 ? 0. : now + worker->offer_pause + count * LACKING_EACH;
        is_any = is_any || count > 0;
    }
    return is_any;
}
