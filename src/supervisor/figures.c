/* SPDX-License-Identifier: MIT */
/* Figures of the workers: asked, summed per tenant, given up on after a moment. */
#include "figures_internal.h"

#include "supervisor_internal.h"

#define FIGURES_LIMIT 1.0 /* seconds for an answer */

static void figures_done(struct supervisor *supervisor, bool is_partial)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->figures.limit);
    supervisor->figures.is_asking = false;
    supervisor->figures.is_partial = is_partial;
    requests_on_figures(supervisor);
}

static void figures_on_limit(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    figures_done(timer->data, true);
}

/* Whether one of them still has to answer. */
static bool figures_are_due(const struct supervisor *supervisor)
{
    const struct child *worker;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        if (worker->owes_figures)
            return true;
    }
    return false;
}

static void figures_settle(struct supervisor *supervisor)
{
    if (supervisor->figures.is_asking && !figures_are_due(supervisor))
        figures_done(supervisor, supervisor->figures.is_partial);
}

static void figures_reset(struct supervisor *supervisor)
{
    struct record *record;
    struct record *next;

    supervisor->figures.connections = 0;
    supervisor->figures.is_partial = false;
    HASH_ITER (hh, supervisor->registry.records, record, next)
        record->figures = (struct record_figures){0};
}

void figures_ask(struct supervisor *supervisor)
{
    struct figures *figures = &supervisor->figures;
    struct ipc_serial body;
    struct child *worker;

    if (figures->is_asking)
        return;
    figures->is_asking = true;
    figures->serial++;
    figures_reset(supervisor);
    body.serial = figures->serial;
    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        worker->owes_figures = child_is_up(worker) && !worker->has_ended;
        if (worker->owes_figures)
            ipc_send_serial(worker->channel, IPC_FIGURES_ASK, &body, NULL);
    }
    ev_timer_set(&figures->limit, FIGURES_LIMIT, 0.);
    ev_timer_start(supervisor->loop.ev, &figures->limit);
    figures_settle(supervisor);
}

/* A tenant that has been removed is in the sum of all only. */
static void figures_add(struct supervisor *supervisor, struct wire_reader *reader)
{
    struct ipc_tenant_figures told;
    struct record *record;

    ipc_get_tenant_figures(reader, &told);
    record = reader->failed ? NULL : registry_find(&supervisor->registry, told.tenant);
    if (!record)
        return;
    record->figures.connections += told.connections;
    record->figures.draining += told.draining;
    record->figures.requests += told.requests;
}

int figures_on_message(struct supervisor *supervisor, struct child *worker,
                       struct ipc_received *received)
{
    struct ipc_serial body;
    struct wire_reader reader;

    if (ipc_get_serial(&received->body, &body) != 0)
        return ERROR_IPC;
    if (body.serial != supervisor->figures.serial || !worker->owes_figures)
        return 0; /* too late */
    worker->owes_figures = false;
    wire_reader_init(&reader, received->blob);
    supervisor->figures.connections += wire_get_u32(&reader);
    while (reader.rest.len > 0 && !reader.failed)
        figures_add(supervisor, &reader);
    figures_settle(supervisor);
    return wire_finish(&reader);
}

void figures_on_death(struct supervisor *supervisor, struct child *worker)
{
    if (!worker->owes_figures)
        return;
    worker->owes_figures = false;
    supervisor->figures.is_partial = true;
    figures_settle(supervisor);
}

void figures_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->figures.limit, figures_on_limit, 0., 0.);
    supervisor->figures.limit.data = supervisor;
}

void figures_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->figures.limit);
}
