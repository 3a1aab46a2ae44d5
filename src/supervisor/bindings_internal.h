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

/* Closes the socket here and in all workers that hold it. */
void binding_close(struct supervisor *supervisor, struct record *record, struct listener *listener);
void bindings_close(struct supervisor *supervisor, struct record *record);

/* A worker says that accept(2) on it can never work again. */
void bindings_on_dead(struct supervisor *supervisor, struct record *record, struct slice address,
                      int error);

#endif
