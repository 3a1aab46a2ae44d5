/* SPDX-License-Identifier: MIT */
/* The end of the root process: at once or after a drain, and never without its children's. */
#include "supervisor_internal.h"

#include "children/generation.h"

#include <signal.h>
#include <stdlib.h>

#define END_GRACE 1.0 /* seconds until a child that does not end is killed */

void ending_look(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_RUNNING)
        return;
    children_dismiss_last(&supervisor->children);
    if (!children_are_running(&supervisor->children))
        loop_stop(&supervisor->loop);
}

static void ending_wait_for_children(struct supervisor *supervisor, double seconds)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->ending);
    ev_timer_set(&supervisor->ending, seconds, 0.);
    ev_timer_start(supervisor->loop.ev, &supervisor->ending);
    ending_look(supervisor);
}

static void ending_on_overdue(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)ev;
    (void)events;
    log_warn("some processes do not end, killing them");
    children_signal(&supervisor->children, SIGKILL);
}

/* No reload goes on, and what the resolver still says is about nothing. */
static void ending_stop_work(struct supervisor *supervisor)
{
    reload_abandon(&supervisor->reload);
    upgrade_abandon(&supervisor->upgrade);
    control_tell_ending(&supervisor->control);
    observing_stop(&supervisor->observing);
    namespaces_stop(&supervisor->namespaces);
    sockets_stop(&supervisor->sockets);
}

void ending_begin(struct supervisor *supervisor, int status)
{
    if (supervisor->state == SUPERVISOR_ENDING)
        return;
    log_notice("ending");
    supervisor->state = SUPERVISOR_ENDING;
    supervisor->status = status;
    ending_stop_work(supervisor);
    children_stop(&supervisor->children);
    notify_stopping(&supervisor->notify, END_GRACE);
    children_signal(&supervisor->children, SIGTERM);
    ending_wait_for_children(supervisor, END_GRACE);
}

void ending_drain(struct supervisor *supervisor)
{
    double seconds;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    supervisor->status = EXIT_SUCCESS;
    seconds = supervisor->settings->model.worker_shutdown_timeout;
    log_notice("draining");
    supervisor->state = SUPERVISOR_DRAINING;
    notify_stopping(&supervisor->notify, seconds + END_GRACE);
    ending_stop_work(supervisor);
    children_stop(&supervisor->children);
    sockets_close_all(&supervisor->sockets);
    child_signal(&supervisor->children.resolver, SIGTERM);
    generation_drain(&supervisor->children, seconds);
    ending_wait_for_children(supervisor, seconds + END_GRACE);
}

void ending_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->ending, ending_on_overdue, 0., 0.);
    supervisor->ending.data = supervisor;
}

void ending_free(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->ending);
}
