/* SPDX-License-Identifier: MIT */
/* Signals between the first instruction of a process and its own handlers: they wait. */
#ifndef BASE_SIGNAL_HOLD_H
#define BASE_SIGNAL_HOLD_H

/* Blocks every signal, and undoes what whoever started us had ignored; SIGPIPE and SIGXFSZ are
 * ignored from now on: a write then fails with EPIPE or EFBIG. */
void signal_hold_all(void);

/* An empty mask, whatever was inherited: what has waited is delivered now. */
void signal_release_all(void);

#endif
