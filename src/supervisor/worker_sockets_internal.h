/* SPDX-License-Identifier: MIT */
/* What workers are told of tenants' sockets, and what they ask for. */
#ifndef SUPERVISOR_WORKER_SOCKETS_INTERNAL_H
#define SUPERVISOR_WORKER_SOCKETS_INTERNAL_H

#include "supervisor_internal.h"

#include "children/workers.h"

/* The owner is the supervisor. */
extern const struct sockets_events worker_sockets_events;

static inline struct sockets_worker worker_of_sockets(const struct child *worker)
{
    return (struct sockets_worker){worker->half, worker_bit(worker)};
}

/* SOCKETS_ASK, which is always answered. Returns 0 or ERROR_IPC. */
int worker_sockets_on_ask(struct supervisor *supervisor, struct child *worker,
                          struct wire_reader *body);

#endif
