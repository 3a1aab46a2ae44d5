/* SPDX-License-Identifier: MIT */
/* Listening sockets in tenants' namespaces: bound, handed to workers, retried, closed. */
#ifndef SUPERVISOR_LISTENERS_INTERNAL_H
#define SUPERVISOR_LISTENERS_INTERNAL_H

#include "supervisor_internal.h"

void listeners_init(struct supervisor *supervisor);
void listeners_free(struct supervisor *supervisor);

/* Binds what is not bound, and tells the tenant's workers. What fails is told once per reason and
 * tried again every half second. */
void listeners_bind(struct supervisor *supervisor, struct record *record);

/* Closes the socket here and in all workers that hold it. */
void listener_close(struct supervisor *supervisor, struct record *record,
                    struct listener *listener);
void listeners_close(struct supervisor *supervisor, struct record *record);

/* A worker says that accept(2) on it can never work again. */
void listeners_on_dead(struct supervisor *supervisor, struct record *record, struct slice address,
                       int error);

#endif
