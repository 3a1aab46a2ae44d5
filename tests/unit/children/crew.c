/* SPDX-License-Identifier: MIT */
/* An owner of children: a few tenants, and a timer that offers again what workers lack. */
#include "children/crew.h"

#include "children/deliveries_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct assignment *crew_next(void *owner, const struct assignment *assignment)
{
    struct crew *crew = owner;
    size_t next = assignment ? (size_t)(assignment - crew->tenants) + 1 : 0;

    return next < crew->tenant_count ? &crew->tenants[next] : NULL;
}

static struct assignment *crew_find(void *owner, struct slice tenant)
{
    struct crew *crew = owner;

    for (unsigned i = 0; i < crew->tenant_count; i++) {
        if (slice_equal(slice_of(crew->names[i]), tenant))
            return &crew->tenants[i];
    }
    return NULL;
}

static struct crew *the_crew; /* whose tenants are asked about */

static struct ipc_blob *crew_bundle(const struct assignment *assignment, struct slice *keys)
{
    (void)assignment;
    *keys = SLICE("");
    return the_crew->bundle;
}

static bool crew_was_guilty(const struct assignment *assignment)
{
    (void)assignment;
    return false;
}

static void crew_on_assignment(struct assignment *assignment)
{
    (void)assignment;
}

static void crew_on_guilty(void *owner, struct assignment *assignment)
{
    (void)owner;
    (void)assignment;
}

static void crew_on_nothing(void *owner)
{
    (void)owner;
}

static void crew_on_lacking(void *owner)
{
    struct crew *crew = owner;

    ev_timer_start(crew->loop.ev, &crew->retry);
}

static void crew_on_retry(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct crew *crew = timer->data;

    (void)events;
    ev_timer_stop(ev, timer);
    ev_timer_set(timer, 0.05, 0.);
    crew->lacking = 0;
    for (unsigned i = 0; i < crew->tenant_count; i++)
        workers_send(&crew->children, &crew->tenants[i]);
    workers_pump_lacking(&crew->children);
}

static void crew_on_sent(struct child *worker, struct assignment *assignment)
{
    (void)worker;
    (void)assignment;
}

static void crew_send_listeners(struct child *worker, struct assignment *assignment)
{
    struct crew *crew = worker->children->owner;

    if (crew->listener < 0 || ((crew->holders | crew->lacking) & worker_bit(worker)))
        return;
    worker_send_listener(worker, assignment, CREW_ADDRESS, crew->listener, 0);
    crew->holders |= worker_bit(worker);
}

static void crew_on_taken(struct child *worker, struct assignment *assignment, struct slice address)
{
    (void)assignment;
    cr_assert(slice_equal(address, SLICE(CREW_ADDRESS)));
    ((struct crew *)worker->children->owner)->lacking &= ~worker_bit(worker);
}

static void crew_on_lacked(struct child *worker, struct assignment *assignment,
                           const struct ipc_lacked *lacked)
{
    struct crew *crew = worker->children->owner;

    (void)assignment;
    cr_assert(slice_equal(lacked->address, SLICE(CREW_ADDRESS)));
    crew->holders &= ~worker_bit(worker);
    crew->lacking |= worker_bit(worker);
}

static void crew_on_released(struct assignment *assignment, uint64_t workers)
{
    (void)assignment;
    the_crew->holders &= ~workers;
    the_crew->lacking &= ~workers;
}

static int crew_on_message(struct child *child, struct ipc_received *received)
{
    (void)child;
    (void)received;
    return ERROR_IPC;
}

static void crew_on_child(struct child *child)
{
    (void)child;
}

static void crew_on_hopeless(void *owner)
{
    ((struct crew *)owner)->hopeless++;
}

static const struct cells *crew_cells(const struct assignment *assignment)
{
    static const struct cells none = {.fd = -1};

    (void)assignment;
    return &none;
}

static struct slice crew_logs(struct child *worker, const struct assignment *assignment)
{
    (void)worker;
    (void)assignment;
    return SLICE("");
}

static const struct children_events events = {
    .next = crew_next,
    .find = crew_find,
    .bundle = crew_bundle,
    .cells = crew_cells,
    .logs = crew_logs,
    .was_guilty = crew_was_guilty,
    .on_guilty = crew_on_guilty,
    .on_cleared = crew_on_assignment,
    .on_lacking = crew_on_lacking,
    .on_sent = crew_on_sent,
    .send_listeners = crew_send_listeners,
    .on_taken = crew_on_taken,
    .on_lacked = crew_on_lacked,
    .on_released = crew_on_released,
    .on_generation = crew_on_nothing,
    .on_message = crew_on_message,
    .on_worker_death = crew_on_child,
    .on_tick = crew_on_nothing,
    .on_gone = crew_on_nothing,
    .on_hopeless = crew_on_hopeless,
};

static bool crew_awaits(const struct child *resolver, enum ipc_message message, uint64_t serial)
{
    (void)message;
    return serial == ((struct crew *)resolver->children->owner)->awaited;
}

static bool crew_is_patient(const struct child *resolver)
{
    return ((struct crew *)resolver->children->owner)->is_patient;
}

static const struct child_events resolver_events = {.on_start = crew_on_child,
                                                    .on_death = crew_on_child,
                                                    .on_message = crew_on_message,
                                                    .awaits = crew_awaits,
                                                    .is_patient = crew_is_patient};

void crew_open(struct crew *crew, unsigned workers, unsigned per_tenant)
{
    memset(crew, 0, sizeof(*crew));
    the_crew = crew;
    crew->listener = -1;
    loop_init(&crew->loop);
    crew->children.owner = crew;
    children_init(&crew->children, &crew->loop, "/nowhere",
                  &(struct children_singles){&resolver_events, &resolver_events}, &events);
    crew->children.wanted = (struct workforce){.count = workers, .per_tenant = per_tenant};
    crew->children.present = (struct generation){.workers = crew->workers, .count = workers};
    for (unsigned i = 0; i < workers; i++)
        worker_init(&crew->workers[i], &crew->children, i, 0);
    ev_timer_init(&crew->retry, crew_on_retry, 0.05, 0.);
    crew->retry.data = crew;
}

struct assignment *crew_add(struct crew *crew, const char *name)
{
    unsigned i = crew->tenant_count++;

    cr_assert_lt(i, CREW_TENANTS);
    snprintf(crew->names[i], sizeof(crew->names[i]), "%s", name);
    crew->tenants[i] = (struct assignment){.name = crew->names[i], .slot = i};
    workers_assign(&crew->children, &crew->tenants[i]);
    return &crew->tenants[i];
}

void crew_close(struct crew *crew)
{
    for (unsigned i = 0; i < CREW_WORKERS; i++) {
        if (!crew->workers[i].children)
            continue;
        deliveries_close(&crew->workers[i]);
        child_close(&crew->workers[i]);
    }
    ev_timer_stop(crew->loop.ev, &crew->retry);
    crew->children.present = (struct generation){0}; /* they are not on the heap */
    children_free(&crew->children);
    ipc_blob_unref(crew->bundle);
    loop_free(&crew->loop);
}
