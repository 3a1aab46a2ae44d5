/* SPDX-License-Identifier: MIT */
/* Sockets for tenants' servers in namespaces: made inside, handed to workers, given up. */
#ifndef SUPERVISOR_SOCKETS_INTERNAL_H
#define SUPERVISOR_SOCKETS_INTERNAL_H

#include "supervisor_internal.h"

/* The record's places are used from now on, in place of those before it, which the caller frees. A
 * place that it names no more is left: exchanges there have worker_shutdown_timeout,
 * and as long may those that began before ask for sockets there (leaving_add_place). */
void sockets_adopt(struct supervisor *supervisor, struct record *record,
                   struct tenant_sockets *before);

/* The same for the plan in force, of which nothing is used yet. */
void sockets_resume(struct supervisor *supervisor, struct record *record);

/* All places of the plan in force, which is freed afterwards, are left in the same way. */
void sockets_leave(struct supervisor *supervisor, const struct record *record);

/* Says SOCKETS_STALE to all workers of both generations. limit: milliseconds. */
void sockets_say_stale(struct supervisor *supervisor, const struct left *what, uint32_t limit);

/* SOCKETS_ASK, which is always answered. Returns 0 or ERROR_IPC. */
int sockets_on_ask(struct supervisor *supervisor, struct child *worker, struct wire_reader *body);

#endif
