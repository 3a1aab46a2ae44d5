/* SPDX-License-Identifier: MIT */
/* Figures of the workers: asked, summed per tenant, given up on after a moment. */
#include "children/figures.h"

#include "base/container_of.h"

#define FIGURES_LIMIT 1.0 /* seconds for an answer */

static void figures_done(struct children *children, bool is_partial)
{
    deadline_stop(&children->figures.limit);
    children->figures.is_asking = false;
    children->figures.is_partial = is_partial;
    children->events->on_figures(children->owner);
}

static void figures_on_limit(struct deadline *limit)
{
    figures_done(CONTAINER_OF(limit, struct children, figures.limit), true);
}

/* Whether one of them still has to answer. */
static bool figures_are_due(const struct children *children)
{
    WORKERS_FOREACH (worker, children) {
        if (worker->owes_figures)
            return true;
    }
    return false;
}

static void figures_settle(struct children *children)
{
    if (children->figures.is_asking && !figures_are_due(children))
        figures_done(children, children->figures.is_partial);
}

static void figures_reset(struct children *children)
{
    struct assignment *assignment = NULL;

    children->figures.connections = 0;
    children->figures.is_partial = false;
    while ((assignment = children->events->next(children->owner, assignment)))
        assignment->figures = (struct assignment_figures){0};
}

void figures_ask(struct children *children)
{
    struct figures *figures = &children->figures;
    struct ipc_serial body;

    if (figures->is_asking)
        return;
    figures->is_asking = true;
    figures->serial++;
    figures_reset(children);
    body.serial = figures->serial;
    WORKERS_FOREACH (worker, children) {
        worker->owes_figures = child_is_up(worker) && !worker->has_ended;
        if (worker->owes_figures)
            ipc_send_serial(worker->channel, IPC_FIGURES_ASK, &body, NULL);
    }
    deadline_set(&figures->limit, FIGURES_LIMIT);
    figures_settle(children);
}

/* A tenant that has been removed is in the sum of all only. */
static void figures_add(struct children *children, struct wire_reader *reader)
{
    struct ipc_tenant_figures told;
    struct assignment *assignment;

    ipc_get_tenant_figures(reader, &told);
    assignment = reader->failed ? NULL : children->events->find(children->owner, told.tenant);
    if (!assignment)
        return;
    assignment->figures.connections += told.connections;
    assignment->figures.draining += told.draining;
    assignment->figures.requests += told.requests;
    assignment->figures.refused += told.refused;
}

int figures_on_message(struct child *worker, struct ipc_received *received)
{
    struct children *children = worker->children;
    struct ipc_serial body;
    struct wire_reader reader;

    if (ipc_get_serial(&received->body, &body) != 0)
        return ERROR_IPC;
    if (body.serial != children->figures.serial || !worker->owes_figures)
        return 0; /* too late */
    worker->owes_figures = false;
    wire_reader_init(&reader, received->blob);
    children->figures.connections += wire_get_u32(&reader);
    while (reader.rest.len > 0 && !reader.failed)
        figures_add(children, &reader);
    figures_settle(children);
    return wire_finish(&reader);
}

void figures_on_death(struct child *worker)
{
    struct children *children = worker->children;

    if (!worker->owes_figures)
        return;
    worker->owes_figures = false;
    children->figures.is_partial = true;
    figures_settle(children);
}

void figures_init(struct children *children)
{
    deadline_init(&children->figures.limit, children->loop, figures_on_limit);
}

void figures_free(struct children *children)
{
    deadline_stop(&children->figures.limit);
}
