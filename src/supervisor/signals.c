/* SPDX-License-Identifier: MIT */
/* Signals, with nginx's meanings. */
#include "supervisor_internal.h"

#include <signal.h>
#include <stdlib.h>

/* waitpid(2) on our own children only, each asked for by its pid. */
static void signals_on_child(struct supervisor *supervisor)
{
    struct child *worker;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker))
        child_reap(worker);
    child_reap(&supervisor->resolver);
    upgrade_on_child(supervisor);
}

static void signals_on_reload(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    log_notice("SIGHUP: reloading");
    round_begin(supervisor, ROUND_RELOAD);
}

static void signals_on_signal(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)ev;
    (void)events;
    switch (watcher->signum) {
    case SIGCHLD:
        signals_on_child(supervisor);
        break;
    case SIGHUP:
        signals_on_reload(supervisor);
        break;
    case SIGQUIT:
        supervisor_drain(supervisor);
        break;
    case SIGUSR1:
        log_notice("SIGUSR1: opening logs anew");
        logging_follow(supervisor, true);
        break;
    case SIGUSR2:
        log_notice("SIGUSR2: upgrading");
        upgrade_begin(supervisor);
        break;
    default: /* SIGTERM, SIGINT */
        supervisor_end(supervisor, EXIT_SUCCESS);
        break;
    }
}

void signals_start(struct supervisor *supervisor)
{
    static const int numbers[SUPERVISOR_SIGNALS] = {SIGCHLD, SIGHUP,  SIGTERM, SIGINT,
                                                    SIGQUIT, SIGUSR1, SIGUSR2};

    for (unsigned i = 0; i < SUPERVISOR_SIGNALS; i++) {
        ev_signal_init(&supervisor->signals[i], signals_on_signal, numbers[i]);
        supervisor->signals[i].data = supervisor;
        ev_signal_start(supervisor->loop.ev, &supervisor->signals[i]);
    }
}

void signals_stop(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < SUPERVISOR_SIGNALS; i++)
        ev_signal_stop(supervisor->loop.ev, &supervisor->signals[i]);
}
