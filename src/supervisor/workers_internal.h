/* SPDX-License-Identifier: MIT */
/* Which worker serves which tenant, and what each must still be told. */
#ifndef SUPERVISOR_WORKERS_INTERNAL_H
#define SUPERVISOR_WORKERS_INTERNAL_H

#include "supervisor_internal.h"

/* Chooses the tenant's workers: those it has stay, as far as workers_per_tenant lets them; the
 * ones with the fewest tenants are added. Workers that are no longer its own are told. */
void workers_assign(struct supervisor *supervisor, struct record *record);

/* Its bundle is new: every worker of it must be sent it. */
void workers_changed(struct supervisor *supervisor, struct record *record);

/* Sends what the tenant's workers lack: the bundle, then sockets; to those that have room. */
void workers_send(struct supervisor *supervisor, struct record *record);

/* The tenant goes. */
void workers_withdraw(struct supervisor *supervisor, struct record *record);

/* The record goes: what is under way is not its any more. */
void workers_forget(struct supervisor *supervisor, struct record *record);
/* The present workers are the present ones no longer: no record knows of them any more. */
void workers_forget_all(struct supervisor *supervisor);

/* A worker has been started, or has died. */
void workers_on_start(struct supervisor *supervisor, struct child *worker);
void workers_on_death(struct supervisor *supervisor, struct child *worker);

/* Returns 0 or ERROR_IPC. */
int workers_on_message(struct supervisor *supervisor, struct child *worker,
                       struct ipc_received *received);

/* Whether it has been told everything and has committed it. */
static inline bool worker_is_settled(const struct child *worker)
{
    return worker->awaiting == 0 && worker->due == 0 && !worker->is_lacking;
}

/* Whether every worker that lives has been told everything and has committed it. */
bool workers_are_settled(const struct supervisor *supervisor);

/* Sends to a worker what it could not take before. */
void workers_pump(struct supervisor *supervisor, struct child *worker);
void workers_pump_lacking(struct supervisor *supervisor);

/* In the masks of records: but for `served`, of workers of the present generation. */
static inline uint64_t worker_bit(const struct child *worker)
{
    return UINT64_C(1) << worker->index;
}

static inline struct sockets_worker worker_of_sockets(const struct child *worker)
{
    return (struct sockets_worker){worker->half, worker_bit(worker)};
}

#endif
