/* SPDX-License-Identifier: MIT */
/* A whole supervisor in a child process, with children that only pretend to be workers and
 * resolver: this very program, in a role. */
#ifndef RIG_RIG_H
#define RIG_RIG_H

#include "shared/port.h"

#include <stdbool.h>
#include <sys/types.h>

struct rig {
    char folder[64]; /* with nsgate.conf, tenants/, log and pid */
    pid_t pid;       /* of the supervisor; 0 when none runs */
};

/* An empty configuration: one worker per tenant of two, the log in a file. */
void rig_open(struct rig *rig);
/* Kills what runs and removes the folder. */
void rig_close(struct rig *rig);
/* The same for what a failed test has left: TestSuite(name, .fini = rig_end). */
void rig_end(void);

/* Writes folder/name from a format. */
void rig_write(const struct rig *rig, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rig_remove(const struct rig *rig, const char *name);
/* tenants/NAME.conf: one plain server on 127.0.0.1:PORT of the host that returns the text. */
void rig_tenant(const struct rig *rig, const char *name, int port, const char *text);

/* What children execute from now on: a shell script of that body, or, NULL, the players that this
 * program has. */
void rig_program(const struct rig *rig, const char *script);

/* Starts the supervisor and waits for the line. */
void rig_start(struct rig *rig, const char *line);
/* Sends the signal and waits for a line with that text which was not there before. */
void rig_signal(struct rig *rig, int signal, const char *line);
/* Waits until the text stands in the log behind what was waited for before. */
void rig_expect(struct rig *rig, const char *text);
/* Whether it stands anywhere in the log. */
bool rig_has_logged(const struct rig *rig, const char *text);
/* How often. */
unsigned rig_count(const struct rig *rig, const char *text);
/* Waits for the end and returns the exit status, 128 + N for signal N. */
int rig_wait(struct rig *rig);

/* The pid of the last child that the log names so ("worker 0", "resolver"). */
pid_t rig_child(const struct rig *rig, const char *name);

/* Whether something listens there. */
bool rig_connects(int port);

#endif
