/* SPDX-License-Identifier: MIT */
/* How each tenant is, told to who asks over the control socket. */
#ifndef SUPERVISOR_STATUS_INTERNAL_H
#define SUPERVISOR_STATUS_INTERNAL_H

#include "base/arena.h"

struct supervisor;
struct record;
struct control_client;

/* The client wants to know: the workers are asked first. */
void status_ask(struct control_client *client);

/* They have answered, or not in time: all who wait are told. */
void status_on_figures(struct supervisor *supervisor);

enum standing {
    STANDING_SERVING,  /* as configured, though perhaps by the last good version of its file */
    STANDING_DEGRADED, /* some of its addresses are not listened on, or not there */
    STANDING_WAITING,  /* for its namespace, or for its first examination */
    STANDING_BLOCKED,  /* for its namespace too, but that will not come by itself */
    STANDING_REFUSED   /* nothing of it is in force */
};

enum standing status_standing(const struct record *record);
/* Its word; constant. */
const char *status_state(const struct record *record);

/* What is wrong with it, in a sentence; empty: nothing. */
struct slice status_error(const struct record *record, struct arena *arena);

#endif
