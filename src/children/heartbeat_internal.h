/* SPDX-License-Identifier: MIT */
/* Whether children still go on: each is asked every second, and killed when it stays silent. */
#ifndef CHILDREN_HEARTBEAT_INTERNAL_H
#define CHILDREN_HEARTBEAT_INTERNAL_H

#include "children/child.h"

/* A second has passed: asks it, or kills it. */
void heartbeat_beat(struct child *child);

/* A PONG. Returns 0, or ERROR_IPC for one that nobody asked for. */
int heartbeat_on_answer(struct child *child, struct ipc_received *received);

#endif
