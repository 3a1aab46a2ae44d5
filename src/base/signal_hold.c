/* SPDX-License-Identifier: MIT */
/* Signals between the first instruction of a process and its own handlers: they wait. */
#include "base/signal_hold.h"

#include <signal.h>
#include <stddef.h>

/* execve(2) keeps what is ignored, and turns handlers into the default (signal(7)). */
static void signal_undo_ignoring(int number)
{
    struct sigaction action;

    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        (void)signal(number, SIG_DFL);
}

void signal_hold_all(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int number = 1; number <= SIGRTMAX; number++)
        signal_undo_ignoring(number);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

void signal_release_all(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
