/* SPDX-License-Identifier: MIT */
/* Signals between the first instruction of a process and its own handlers: they wait. */
#ifndef BASE_SIGNAL_HOLD_H
#define BASE_SIGNAL_HOLD_H

#include <sys/types.h>

/* Blocks every signal, and undoes what whoever started us had ignored; SIGPIPE and SIGXFSZ are
 * ignored from now on: a write then fails with EPIPE or EFBIG. */
void signal_hold_all(void);

/* An empty mask, whatever was inherited: what has waited is delivered now. */
void signal_release_all(void);

/* fork(2), with every signal blocked in the child: until it calls execve(2) it has the handlers of
 * its parent, and no signal may come that they would take. The child calls `become`, which releases
 * them once it ignores what it should (a signal that has waited then ends it, or waits for the next
 * program), and does not return. Returns the pid, or -1 with errno. */
pid_t signal_hold_fork(void (*become)(const void *argument), const void *argument);

#endif
