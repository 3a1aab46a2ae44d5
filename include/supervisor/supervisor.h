/* SPDX-License-Identifier: MIT */
/* The root process, and what the command line asks of it. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

/* Runs in the foreground until a signal ends it. config: path of the main file. Returns the
 * process's exit status: 1 when the main file is broken at the start. */
int supervisor_run(const char *config);

/* Goes on where the binary before this one, in this process, has left off. state: the memfd's
 * descriptor. */
int supervisor_resume(const char *config, int state);

/* Whether this binary could do so: looks at a copy of the state, touching nothing else. A child
 * (ipc/spawn.h): the role "candidate", which writes its answer to the channel, and has the state,
 * in a sealed memfd, as its second descriptor. */
int supervisor_candidate(void);

/* -t: checks everything that can be checked without binding, certificates and names included,
 * printing all errors and warnings to stderr; 0 or 1. With dump (-T) the configuration goes to
 * stdout too, file by file. */
int supervisor_test(const char *config, bool dump);

/* -s: connects to the control socket at that path; or, with NULL, to the supervisor that runs with
 * that main file: found by what it has noted in /run/nsgate, whatever stands in the file by now, or
 * else by the file's `pid`. Returns a blocking descriptor, or -1 with a reason on stderr. */
int supervisor_connect(const char *config, const char *socket);

/* -s: sends the signal to the running supervisor, found as supervisor_connect does; 0, or 1 with a
 * reason on stderr. name: quit, stop. */
int supervisor_signal(const char *config, const char *socket, const char *name);

#endif
