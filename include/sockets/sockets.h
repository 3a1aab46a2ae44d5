/* SPDX-License-Identifier: MIT */
/* Sockets in tenants' namespaces: listeners, bound, retried and closed; and sockets for servers,
 * made inside and handed out. */
#ifndef SOCKETS_SOCKETS_H
#define SOCKETS_SOCKETS_H

#include "io/deadline.h"
#include "io/pending.h"
#include "ipc/body.h"
#include "sockets/tenant_sockets.h"

/* Milliseconds until connections in a namespace that has gone are cut: they keep it alive. */
#define SOCKETS_GRACE 1500

/* What is closed or left: a tenant's listener, or its sockets in a namespace of its servers. */
struct closed_sockets {
    const char *tenant;
    const char *text;   /* of the listener's address, or the servers' namespace */
    struct netns_id id; /* of the namespace; none: the host's, or nothing is there yet */
};

/* What the owner is told. Every function is there. Limits are milliseconds in which connections may
 * go on; IPC_NO_LIMIT: another socket for that address follows. */
struct sockets_events {
    /* What can be bound of the tenant is: its workers are to be sent what they have not. */
    void (*on_bound)(void *owner, struct tenant_sockets *tenant);
    /* A listener is closed, of which these workers of the present generation (bits) have the socket
     * or connections, and former ones may. */
    void (*on_closed)(void *owner, const struct closed_sockets *closed, uint64_t workers,
                      uint32_t limit);
    /* Sockets in a namespace of servers are to be left, by all workers. */
    void (*on_stale)(void *owner, const struct closed_sockets *closed, uint32_t limit);
    /* What could not be bound has been tried again. */
    void (*on_retried)(void *owner);
};

/* When what a worker lacks may be offered to it again. */
struct offer {
    double at;    /* loop_now(); 0: at once */
    double pause; /* that was before that */
};

struct drain;

/* Embedded by its owner. */
struct sockets {
    struct namespaces *namespaces;
    struct residents *residents;
    const struct sockets_events *events;
    void *owner;
    TAILQ_HEAD(, tenant_sockets) tenants;
    TAILQ_HEAD(, drain) drains;
    struct offer offers[TALLY_WORKERS];
    bool is_stopped;       /* nothing is bound any more */
    bool is_shared;        /* several tenants may live in one namespace */
    uint32_t drain_limit;  /* milliseconds for connections that a reload leaves behind */
    struct deadline retry; /* of listeners that are not bound */
    struct hold hold;      /* while one of them waits for workers to let go of its address */
    double may_bind;       /* loop_clock(): they are not tried again before */
    double held_until;     /* loop_now(): workers may hold sockets that we have closed */
    uint64_t turn;         /* of sockets_look_for_addresses */
};

void sockets_init(struct sockets *sockets, struct namespaces *namespaces,
                  struct residents *residents, const struct sockets_events *events, void *owner);
/* Nothing is bound any more, whatever happens. */
void sockets_stop(struct sockets *sockets);
/* All tenants must be freed. */
void sockets_free(struct sockets *sockets);

/* is_shared: netns_shared. seconds: worker_shutdown_timeout. */
void sockets_set(struct sockets *sockets, bool is_shared, double seconds);

/* ---- plans ---- */

/* The tenant, with the plan in force that another binary had and what was bound of it, is one of
 * these from now on, and uses its namespaces. */
void sockets_resume(struct sockets *sockets, struct tenant_sockets *tenant);

/* `next` will be the tenant's plan: what it names no more is closed here and in all workers that
 * hold it, whose connections drain; so is everything if it is for another namespace, which is left
 * to others. */
void sockets_release(struct sockets *sockets, struct tenant_sockets *tenant,
                     const struct plan *next);
/* The tenant's plan, until now the one of before, is another one, in place: what of it was bound
 * stays so, namespaces that it names are used, those of servers that it names no more are left:
 * exchanges there have the drain limit, and as long may those that began before ask for sockets. */
void sockets_adopt(struct sockets *sockets, struct tenant_sockets *tenant,
                   const struct plan *before);

/* Closes all listeners of all tenants. */
void sockets_close_all(struct sockets *sockets);
/* Closes those of the tenant, which leaves its namespace to others. */
void sockets_leave(struct sockets *sockets, struct tenant_sockets *tenant);
/* Leaves all namespaces of servers, as sockets_adopt does. */
void sockets_leave_servers(struct tenant_sockets *tenant);

/* ---- listeners ---- */

/* Binds what is not bound, and tells of it (on_bound) in any case. What fails is told once per
 * reason, and tried again every half second; a namespace that is not to be had, when it changes. */
void sockets_bind(struct sockets *sockets, struct tenant_sockets *tenant);

/* Within half a second, tries again what could not be bound, and tells of what workers lack. */
void sockets_retry(struct sockets *sockets);

/* Every two seconds: a listener whose interface has gone, or is another one of the same name, is
 * bound anew, as soon as there is one. */
void sockets_check_interfaces(struct sockets *sockets);

/* Somebody wants to know how tenants are: looks whether namespaces have the addresses that are
 * listened on there, in those that were not looked into for longest, for as long as a moment.
 * Nobody looks in between: it costs nothing while nobody asks. */
void sockets_look_for_addresses(struct sockets *sockets);

/* ---- workers ---- */

/* A worker, as these masks know it. */
struct sockets_worker {
    unsigned half; /* of the tally, its generation's */
    uint64_t bit;  /* by its index */
};

/* It has ended. */
void sockets_on_death(struct sockets *sockets, struct sockets_worker worker);
/* Another generation is the present one: nobody holds or lacks anything. */
void sockets_on_generation(struct sockets *sockets);

/* A worker of the present generation says that accept(2) on the socket can never work again: the
 * listener is bound anew if it is so. A worker that does not hold it is not listened to. Returns
 * whether only the worker's own is dead, which must be given to it again. */
bool sockets_on_dead(struct tenant_sockets *tenant, uint64_t worker,
                     const struct ipc_listener_dead *dead);

/* The worker, named for the log, has no room for the tenant's listener at that address: it is
 * degraded, and offered again, ever more rarely. */
void sockets_on_lacked(struct tenant_sockets *tenant, uint64_t worker, const char *name,
                       const struct ipc_lacked *lacked);
/* It has taken it. */
void sockets_on_taken(struct tenant_sockets *tenant, uint64_t worker, struct slice address);

/* ---- sockets for servers ---- */

/* The caller's, who closes them. */
struct sockets_batch {
    sa_family_t family;
    int sockets[IPC_DESCRIPTORS_MAX];
    unsigned count;
    int error; /* errno for which there are none */
};

/* Fills the batch, of the family that it has, in a namespace of the servers of a tenant's, of the
 * plan in force or one that it has left; for workers only that may have exchanges of it. */
void sockets_fill(struct sockets *sockets, struct sockets_worker worker,
                  struct tenant_sockets *tenant, const struct ipc_sockets_ask *question,
                  struct sockets_batch *batch);

#endif
