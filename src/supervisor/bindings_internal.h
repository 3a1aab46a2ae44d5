/* SPDX-License-Identifier: MIT */
/* Listening sockets in tenants' namespaces: bound, handed to workers, retried, closed. */
#ifndef SUPERVISOR_BINDINGS_INTERNAL_H
#define SUPERVISOR_BINDINGS_INTERNAL_H

#include "supervisor_internal.h"

void bindings_init(struct supervisor *supervisor);
void bindings_free(struct supervisor *supervisor);

/* Binds what is not bound, and tells the tenant's workers. What fails is told once per reason, and
 * tried again every half second; a namespace that is not to be had, when that changes. */
void bindings_bind(struct supervisor *supervisor, struct record *record);

/* Within half a second, tries again what could not be bound, and tells workers what they lack. */
void bindings_retry(struct supervisor *supervisor);

/* ---- unbinding.c ---- */

/* A reload takes the tenant's sockets away: they are closed here and in all workers that hold them,
 * whose connections drain; but for those that go on in the next plan (NULL: none). */
void bindings_close(struct supervisor *supervisor, struct record *record, const struct plan *next);
/* The same, and the tenant leaves its namespace to others. */
void bindings_leave(struct supervisor *supervisor, struct record *record);

/* The tenant's namespace has gone: everything in it is closed, soon the busy connections too, so
 * that nothing keeps it alive. */
void bindings_on_gone(struct supervisor *supervisor, struct record *record);

/* The tenant, whose plan is in force, uses its namespace from now on. When the name leads elsewhere
 * than before, or may have become usable, what is bound in another namespace is gone, and what is
 * not bound is bound. */
void bindings_take_namespace(struct supervisor *supervisor, struct record *record);

/* Every two seconds: a listener whose interface has gone, or is another one of the same name, is
 * bound anew, as soon as there is one. */
void bindings_look_at_zones(struct supervisor *supervisor);

/* Says LISTENER_CLOSE to workers of the present generation (bits), and to all former ones, which
 * may have it too. limit: milliseconds. */
void bindings_say_close(struct supervisor *supervisor, const struct left *what, uint64_t workers,
                        uint32_t limit);

/* A worker says of a socket that accept(2) on it can never work again.
 * Closed and bound anew if it is so; given to that worker again if only the worker's is. A worker
 * that does not hold it is not listened to. */
void bindings_on_dead(struct supervisor *supervisor, struct child *worker, struct record *record,
                      const struct ipc_listener_dead *dead);

/* Whether nothing waits for workers to let go of an address. */
bool bindings_are_settled(const struct supervisor *supervisor);

#endif
