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

/* "serving": as configured, though perhaps by the last good version of its file; "waiting": for its
 * namespace; "degraded": some of its addresses are not listened on; "refused": nothing of it is in
 * force. Constant. */
const char *status_state(const struct record *record);

/* What is wrong with it, in a sentence; empty: nothing. */
struct slice status_error(const struct record *record, struct arena *arena);

#endif
