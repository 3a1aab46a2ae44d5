/* SPDX-License-Identifier: MIT */
/* What a supervisor leaves to the binary that takes over from it: everything that must outlive it,
 * as bytes, and the numbers of the descriptors that go along. */
#ifndef UPGRADE_STATE_H
#define UPGRADE_STATE_H

#include "ipc/cage.h"
#include "ipc/wire.h"

/* Another one with every change of what is put; no other is known. */
#define STATE_FORMAT 9
#define STATE_MAGIC  UINT64_C(0x65746174732d676e) /* "ng-state", little endian */

/* For putting, all of it is borrowed; slices of what was got point into the bytes. */
struct state {
    struct slice config;   /* the main file's path */
    struct slice settings; /* what it said: settings_put */
    struct cage_identity identity;
    struct slice pid_path;
    int pid_fd; /* locked */
    int log_fd; /* -1: syslog */
    int tally_fd;
    struct slice control_path; /* empty: there is no control socket */
    int control_fd;
    uint32_t upgrades;  /* until now */
    uint64_t started;   /* milliseconds of CLOCK_MONOTONIC */
    uint64_t reload;    /* number of the last reload */
    uint64_t effective; /* the same, of those that put a tenant in force; is not handed on */
    uint32_t rotation;  /* seconds until the next ticket keys */
    uint32_t ipc_version;
    struct slice rest; /* what others put: see upgrade_events */
};

/* All but the rest, which must follow. */
void state_encode(struct wire_writer *writer, const struct state *state);

/* Returns 0, or -1 with a constant sentence in *why: the bytes may be of another version, or
 * anything. What settings and the rest say is not looked at. Descriptors are numbers that nothing
 * was done with. */
int state_decode(struct state *state, struct slice bytes, const char **why);

/* Shows act each descriptor that goes along, but those of the rest: -1 and the three standard ones
 * excepted. */
void state_each_descriptor(struct state *state, void (*act)(int *fd, void *context), void *context);

#endif
