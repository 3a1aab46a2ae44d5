/* SPDX-License-Identifier: MIT */
/* The answer to `status`, line by line, to all who wait for it. */
#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

#include "base/slice.h"

struct control;

/* See `gateway` and `tenant` in control/protocol.h for what each field means. */
struct status_gateway {
    const char *state; /* starting, serving, ending */
    double uptime;     /* seconds */
    unsigned generation;
    unsigned workers;
    unsigned ready;
    unsigned draining;
    bool is_arriving;
    uint64_t connections;
    const char *sandbox;
    unsigned landlock;
    const char *last_reload; /* empty: there was none */
    int64_t reloaded;
};

struct status_tenant {
    const char *name;
    const char *netns; /* empty: not known */
    uint64_t inode;
    const char *state;
    unsigned bound;
    unsigned listeners;
    uint64_t connections;
    uint64_t draining;
    uint64_t requests;
    struct slice codes;
    struct slice durations;
    uint64_t refused;
    int64_t expires;
    uint64_t generation;
    struct slice error;
};

#define STATUS_DOWN 24 /* servers that are named */

struct status_upstream {
    const char *tenant;
    const char *name;
    unsigned servers;
    unsigned up; /* of them */
    const char *down[STATUS_DOWN];
    unsigned down_count;
};

void status_tell_gateway(struct control *control, const struct status_gateway *gateway);
void status_tell_tenant(struct control *control, const struct status_tenant *tenant);
/* Says nothing if all of its servers are up. Comes behind its tenant. */
void status_tell_upstream(struct control *control, const struct status_upstream *upstream);

#endif
