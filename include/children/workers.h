/* SPDX-License-Identifier: MIT */
/* Which worker serves which tenant, and what each must still be told. */
#ifndef CHILDREN_WORKERS_H
#define CHILDREN_WORKERS_H

#include "children/children.h"

/* For a worker of the generation that is in preparation: child_init. */
void worker_init(struct child *worker, struct children *children, unsigned index, unsigned half);

/* Chooses the tenant's workers: those it has stay, as far as the workforce that is wanted lets
 * them; the ones with the fewest tenants are added. Workers that are no longer its own are told. */
void workers_assign(struct children *children, struct assignment *assignment);

/* Its bundle is new: every worker of it must be sent it. */
void workers_changed(struct children *children, struct assignment *assignment);

/* Sends what the tenant's workers lack: the bundle, then sockets; to those that have room. */
void workers_send(struct children *children, struct assignment *assignment);

/* The tenant goes: its workers are told, and what is under way is not its any more. */
void workers_withdraw(struct children *children, struct assignment *assignment);

/* The present workers are the present ones no longer: no assignment knows of them any more. */
void workers_forget_all(struct children *children);

/* Sends it a listening socket of the tenant, which stays the caller's. inode: of the namespace. */
void worker_send_listener(struct child *worker, struct assignment *assignment, const char *address,
                          int fd, uint64_t inode);

/* It lacks something that can be sent. */
void worker_set_lacking(struct child *worker);
/* Sends what could not be sent before. */
void workers_pump_lacking(struct children *children);

/* Says how long it drains when the supervisor goes without a word. */
void worker_tell_drain_time(struct child *worker);
/* DRAIN: now, or when the supervisor is gone. */
void worker_say_drain(struct child *worker, double seconds, bool when_alone);

static inline uint64_t worker_bit(const struct child *worker)
{
    return UINT64_C(1) << worker->index;
}

#endif
