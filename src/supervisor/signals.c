/* SPDX-License-Identifier: MIT */
/* Signals, with nginx's meanings. */
#include "supervisor_internal.h"

#include "base/signal_hold.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* waitpid(2) on our own children, each asked for by its pid. */
static void signals_reap_ours(struct supervisor *supervisor)
{
    children_reap(&supervisor->children);
    upgrade_on_child(&supervisor->upgrade);
}

/* The pid of a process that has ended and waits to be reaped; 0: there is none. */
static pid_t signals_find_dead(void)
{
    siginfo_t info = {0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
}

/* Orphans come to the first process of a container, and a supervisor that was executed in the place
 * of another program has that one's children. */
static void signals_on_child(struct supervisor *supervisor)
{
    pid_t before = 0;
    pid_t dead;

    signals_reap_ours(supervisor);
    while ((dead = signals_find_dead()) > 0) {
        if (dead == before) /* none of ours has this pid */
            (void)waitpid(dead, NULL, WNOHANG);
        else
            signals_reap_ours(supervisor); /* it may have ended since */
        before = dead;
    }
}

static void signals_on_reload(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    log_notice("SIGHUP: reloading");
    supervisor_reload(supervisor, RELOAD_ASKED);
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
        ending_drain(supervisor);
        break;
    case SIGUSR1:
        log_notice("SIGUSR1: opening logs anew");
        reopening_begin(supervisor);
        break;
    case SIGUSR2:
        log_notice("SIGUSR2: upgrading");
        if (supervisor->state == SUPERVISOR_RUNNING)
            upgrade_begin(&supervisor->upgrade);
        break;
    default: /* SIGTERM, SIGINT */
        ending_begin(supervisor, EXIT_SUCCESS);
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
    signal_release_all();
}

void signals_stop(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < SUPERVISOR_SIGNALS; i++)
        ev_signal_stop(supervisor->loop.ev, &supervisor->signals[i]);
}
