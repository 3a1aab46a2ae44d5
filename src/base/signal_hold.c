/* SPDX-License-Identifier: MIT */
/* Signals between the first instruction of a process and its own handlers: they wait. */
#include "base/signal_hold.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

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

pid_t signal_hold_fork(void (*become)(const void *argument), const void *argument)
{
    sigset_t all;
    sigset_t old;
    pid_t pid;
    int saved;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) {
        become(argument);
        _exit(127);
    }
    saved = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return pid;
}
