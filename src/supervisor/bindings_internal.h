/* SPDX-License-Identifier: MIT */
/* Listening sockets in tenants' namespaces: bound, handed to workers, retried, closed. */
#ifndef SUPERVISOR_BINDINGS_INTERNAL_H
#define SUPERVISOR_BINDINGS_INTERNAL_H

#include "supervisor_internal.h"

void bindings_init(struct supervisor *supervisor);
void bindings_free(struct supervisor *supervisor);

/* Binds what is not bound, and tells the tenant's workers. What fails is told once per reason and
 * tried again every half second. */
void bindings_bind(struct supervisor *supervisor, struct record *record);

/* Within half a second, tries again what is not bound, and tells workers what they lack. */
void bindings_retry(struct supervisor *supervisor);

/* Closes the socket here and in all workers that hold it. */
void binding_close(struct supervisor *supervisor, struct record *record, struct listener *listener);
void bindings_close(struct supervisor *supervisor, struct record *record);

/* What a worker says of a socket: accept(2) on it can never work again. */
struct dead_listener {
    struct slice address;
    int error;
};

/* Closed and bound anew if it is so; given to that worker again if only the worker's is. A worker
 * that does not hold it is not listened to. */
void bindings_on_dead(struct supervisor *supervisor, struct child *worker, struct record *record,
                      const struct dead_listener *dead);

/* Whether nothing waits for workers to let go of an address. */
bool bindings_are_settled(const struct supervisor *supervisor);

/* Looks whether each tenant's namespace is still the one under its name. If not, its listeners are
 * closed, so that nothing keeps the old one alive, and bound in the new one if there is one. */
void bindings_recheck(struct supervisor *supervisor);

#endif
